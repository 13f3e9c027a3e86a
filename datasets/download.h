// Downloads that go on where they were cut off, and whose result is what was asked for or nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace espalier::datasets {

struct RemoteFile {
  std::string url;  // http or https
  std::int64_t size_bytes = 0;
  std::string sha256;  // 64 lower-case hex digits
};

// Called now and then with the bytes that are there and the bytes that there will be. False stops the
// download.
using DownloadProgress = std::function<bool(std::int64_t done_bytes, std::int64_t total_bytes)>;

struct DownloadOptions {
  DownloadProgress progress = {};
  int attempts = 5;           // connections that break are taken up again
  double wait_seconds = 1.0;  // before the second attempt; doubles with each
};

// Was the program built with libcurl?
bool can_download();

// Fetches a file to `target`, which appears only when it is complete and its size and SHA-256 are right.
// Until then the bytes are in <target>.part, from where a later call goes on. A complete `target` is left as
// it is. Throws Error: io when the network or the disk fails, integrity when the server has something else,
// stopped when `progress` says so.
void download(const RemoteFile& file, const std::filesystem::path& target,
              const DownloadOptions& options = {});

// Throws Error (integrity), ending in `advice`, unless the file at `path` is `file`.
void check_identity(const RemoteFile& file, const std::filesystem::path& path, std::string_view advice);

}  // namespace espalier::datasets
