#include "datasets/download.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "framework/core/error.h"
#include "framework/core/sha256.h"

#if defined(ESPALIER_WITH_CURL)
#include <curl/curl.h>

#include <chrono>
#include <thread>
#endif

namespace espalier::datasets {

namespace fs = std::filesystem;

void check_identity(const RemoteFile& file, const fs::path& path, std::string_view advice) {
  std::error_code error;
  const auto size = static_cast<std::int64_t>(fs::file_size(path, error));
  if (error) fail(ErrorKind::io, "download", "cannot look at {}: {}", path.string(), error.message());
  if (size != file.size_bytes) {
    fail(ErrorKind::integrity, "download", "{} has {} bytes, expected {}; {}", path.string(), size,
         file.size_bytes, advice);
  }
  const std::string sum = sha256_file(path);
  if (sum != file.sha256) {
    fail(ErrorKind::integrity, "download", "{} has SHA-256 {}, expected {}; {}", path.string(), sum,
         file.sha256, advice);
  }
}

#if defined(ESPALIER_WITH_CURL)

namespace {

// One file that grows while curl writes to it.
struct Transfer {
  const RemoteFile& file;
  const DownloadProgress& progress;
  std::FILE* part = nullptr;
  std::int64_t done_bytes = 0;
  bool too_long = false, disk_failed = false, stopped = false;
  int disk_errno = 0;
};

std::size_t on_data(const char* data, std::size_t, std::size_t size, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  if (transfer.done_bytes + static_cast<std::int64_t>(size) > transfer.file.size_bytes) {
    transfer.too_long = true;
    return 0;
  }
  if (std::fwrite(data, 1, size, transfer.part) != size) {
    transfer.disk_failed = true;
    transfer.disk_errno = errno;
    return 0;
  }
  transfer.done_bytes += static_cast<std::int64_t>(size);
  return size;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  transfer.stopped = transfer.progress && !transfer.progress(transfer.done_bytes, transfer.file.size_bytes);
  return transfer.stopped ? 1 : 0;
}

// A break that another attempt may mend.
bool is_transient(CURLcode code, long http_status) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return true;
    case CURLE_HTTP_RETURNED_ERROR:
      return http_status >= 500 || http_status == 429;
    default:
      return false;
  }
}

struct Outcome {
  CURLcode code;
  long http_status;
  std::string message;
};

// One connection: appends to the file what it lacks.
Outcome transfer_rest(Transfer& transfer) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(ready == CURLE_OK ? curl_easy_init() : nullptr,
                                                    &curl_easy_cleanup);
  check(curl != nullptr, "download", "libcurl cannot be initialised");
  char message[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, transfer.file.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, message);
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
  curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, 30L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "espalier");
  curl_easy_setopt(curl.get(), CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.done_bytes));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  Outcome outcome{curl_easy_perform(curl.get()), 0, ""};
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &outcome.http_status);
  outcome.message = message[0] != '\0' ? message : curl_easy_strerror(outcome.code);
  return outcome;
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File open_part(const fs::path& path, const char* mode) {
  File file(std::fopen(path.c_str(), mode), &std::fclose);
  if (!file) fail(ErrorKind::io, "download", "cannot write {}: {}", path.string(), std::strerror(errno));
  return file;
}

// Brings <target>.part to its full size.
void complete_part(const RemoteFile& file, const fs::path& part, const DownloadOptions& options) {
  std::error_code error;
  const std::uintmax_t there = fs::file_size(part, error);
  Transfer transfer{.file = file, .progress = options.progress};
  transfer.done_bytes = error ? 0 : static_cast<std::int64_t>(there);
  if (transfer.done_bytes > file.size_bytes) transfer.done_bytes = 0;  // of something else: begin anew
  double wait_seconds = options.wait_seconds;
  for (int attempt = 1; transfer.done_bytes < file.size_bytes; ++attempt) {
    const File part_file = open_part(part, transfer.done_bytes == 0 ? "wb" : "ab");
    transfer.part = part_file.get();
    const Outcome outcome = transfer_rest(transfer);
    if (std::fflush(transfer.part) != 0 && !transfer.disk_failed) {
      transfer.disk_failed = true;
      transfer.disk_errno = errno;
    }
    if (transfer.disk_failed) {
      fail(ErrorKind::io, "download", "cannot write {}: {}; free some space, then run it again to go on",
           part.string(), std::strerror(transfer.disk_errno));
    }
    if (transfer.stopped) {
      fail(ErrorKind::stopped, "download", "stopped at {} of {} bytes; run it again to go on",
           transfer.done_bytes, file.size_bytes);
    }
    if (transfer.too_long) {
      fs::remove(part, error);
      fail(ErrorKind::integrity, "download", "{} sends more than the expected {} bytes; try another mirror",
           file.url, file.size_bytes);
    }
    if (outcome.code == CURLE_OK && transfer.done_bytes < file.size_bytes) {
      fs::remove(part, error);
      fail(ErrorKind::integrity, "download", "{} sent {} bytes, expected {}; try another mirror", file.url,
           transfer.done_bytes, file.size_bytes);
    }
    if (outcome.code == CURLE_OK) return;
    if (outcome.code == CURLE_RANGE_ERROR && transfer.done_bytes > 0 && attempt < options.attempts) {
      transfer.done_bytes = 0;  // the server cannot go on in the middle: begin anew
      continue;
    }
    if (!is_transient(outcome.code, outcome.http_status) || attempt >= options.attempts) {
      fail(ErrorKind::io, "download",
           "cannot fetch {}: {} ({} of {} bytes are there); run it again to go on, or try a mirror", file.url,
           outcome.message, transfer.done_bytes, file.size_bytes);
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(wait_seconds));
    wait_seconds *= 2.0;
  }
}

}  // namespace

bool can_download() { return true; }

void download(const RemoteFile& file, const fs::path& target, const DownloadOptions& options) {
  std::error_code error;
  if (fs::exists(target, error)) return check_identity(file, target, "remove it to fetch it anew");
  const fs::path part = target.string() + ".part";
  complete_part(file, part, options);
  try {
    check_identity(file, part, "try it again, or another mirror");
  } catch (const Error& wrong) {
    if (wrong.kind() == ErrorKind::integrity) fs::remove(part, error);  // going on from it would not help
    throw;
  }
  fs::rename(part, target, error);
  if (error) fail(ErrorKind::io, "download", "cannot write {}: {}", target.string(), error.message());
}

#else

bool can_download() { return false; }

void download(const RemoteFile& file, const fs::path& target, const DownloadOptions&) {
  fail(ErrorKind::failure, "download",
       "this program was built without libcurl (Debian: libcurl4-openssl-dev); fetch {} to {} by other means",
       file.url, target.string());
}

#endif

}  // namespace espalier::datasets
