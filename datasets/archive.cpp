#include "datasets/archive.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "framework/core/error.h"

#if defined(ESPALIER_WITH_ARCHIVE)
#include <archive.h>
#include <archive_entry.h>
#endif

namespace espalier::datasets {

namespace fs = std::filesystem;

#if defined(ESPALIER_WITH_ARCHIVE)

namespace {

using Reader = std::unique_ptr<struct ::archive, int (*)(struct ::archive*)>;

[[noreturn]] void fail_damaged(const fs::path& path, struct ::archive* reader) {
  const char* reason = archive_error_string(reader);
  fail(ErrorKind::integrity, "archive", "{} is damaged: {}; fetch it again", path.string(),
       reason == nullptr ? "it ends too early" : reason);
}

Reader open_archive(const fs::path& path) {
  Reader reader(archive_read_new(), &archive_read_free);
  check(reader != nullptr, "archive", "libarchive cannot be initialised");
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
    std::fclose(file);
  } else {
    fail(ErrorKind::io, "archive", "cannot open {}: {}", path.string(), std::strerror(errno));
  }
  constexpr std::size_t kBlockBytes = 1 << 16;
  if (archive_read_open_filename(reader.get(), path.c_str(), kBlockBytes) != ARCHIVE_OK) {
    fail_damaged(path, reader.get());
  }
  return reader;
}

// The content of the entry that the reader stands at, which has exactly `size_bytes`.
void write_entry(const fs::path& archive_path, struct ::archive* reader, std::int64_t size_bytes,
                 const fs::path& target) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(target.c_str(), "wb"), &std::fclose);
  if (!file) fail(ErrorKind::io, "archive", "cannot write {}: {}", target.string(), std::strerror(errno));
  std::vector<char> buffer(1 << 18);
  std::int64_t written = 0;
  for (;;) {
    const la_ssize_t got = archive_read_data(reader, buffer.data(), buffer.size());
    if (got < 0) fail_damaged(archive_path, reader);
    if (got == 0) break;
    if (std::fwrite(buffer.data(), 1, static_cast<std::size_t>(got), file.get()) !=
        static_cast<std::size_t>(got)) {
      fail(ErrorKind::io, "archive", "cannot write {}: {}", target.string(), std::strerror(errno));
    }
    written += got;
  }
  if (std::fflush(file.get()) != 0) {
    fail(ErrorKind::io, "archive", "cannot write {}: {}", target.string(), std::strerror(errno));
  }
  if (written != size_bytes) {
    fail(ErrorKind::integrity, "archive", "{} in {} has {} bytes, expected {}; fetch it again",
         target.filename().string(), archive_path.string(), written, size_bytes);
  }
}

}  // namespace

bool can_unpack() { return true; }

void unpack(const fs::path& path, const std::vector<ArchiveMember>& members, const fs::path& directory) {
  const Reader reader = open_archive(path);
  std::vector<bool> found(members.size());
  for (;;) {
    struct ::archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) fail_damaged(path, reader.get());
    const char* name = archive_entry_pathname(entry);
    std::string_view member_path = name == nullptr ? "" : name;
    if (member_path.starts_with("./")) member_path.remove_prefix(2);
    const auto member = std::find_if(members.begin(), members.end(),
                                     [&](const ArchiveMember& m) { return m.path == member_path; });
    if (member == members.end()) continue;
    const auto index = static_cast<std::size_t>(member - members.begin());
    if (found[index]) {
      fail(ErrorKind::integrity, "archive", "{} holds {} twice; fetch it again", path.string(), member->path);
    }
    found[index] = true;
    const bool plain = archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
    if (!plain || archive_entry_size(entry) != member->size_bytes) {
      fail(ErrorKind::integrity, "archive",
           "{} in {} should be a file of {} bytes, is {} of {}; fetch it again", member->path, path.string(),
           member->size_bytes, plain ? "a file" : "no plain file", archive_entry_size(entry));
    }
    write_entry(path, reader.get(), member->size_bytes, directory / fs::path(member->path).filename());
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!found[i]) {
      fail(ErrorKind::integrity, "archive", "{} lacks {}; fetch it again", path.string(), members[i].path);
    }
  }
}

#else

bool can_unpack() { return false; }

void unpack(const fs::path& path, const std::vector<ArchiveMember>&, const fs::path& directory) {
  fail(ErrorKind::failure, "archive",
       "this program was built without libarchive (Debian: libarchive-dev); unpack {} to {} with tar",
       path.string(), directory.string());
}

#endif

}  // namespace espalier::datasets
