#include "framework/core/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "framework/core/error.h"

namespace espalier {
namespace {

[[noreturn]] void fail_io(const char* what, const std::filesystem::path& path, int code,
                          const char* advice = "") {
  fail(ErrorKind::io, "file", "cannot {} {}: {}{}", what, path.string(),
       std::generic_category().message(code), advice);
}

[[noreturn]] void fail_to_write(const char* what, const std::filesystem::path& path, int code) {
  const char* advice = "";
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) advice = "; make room, or write to another place";
  if (code == EROFS || code == EACCES || code == EPERM) advice = "; choose a place that can be written to";
  fail_io(what, path, code, advice);
}

// close() on a path that ends early.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

// A file to fill and then rename. What bears its name in the end is removed.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~UnfinishedFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

int open_or_fail(const char* what, const std::filesystem::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (descriptor < 0 && (flags & O_CREAT) != 0) fail_to_write(what, path, errno);
  if (descriptor < 0) fail_io(what, path, errno);
  return descriptor;
}

}  // namespace

std::string read_file(const std::filesystem::path& path, std::size_t limit_bytes) {
  const Descriptor file(open_or_fail("read", path, O_RDONLY));
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_io("read", path, errno);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > limit_bytes)
      fail(ErrorKind::integrity, "file", "{} is larger than {} bytes", path.string(), limit_bytes);
  }
}

void make_directories(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail_to_write("make directory", path, error.value());
}

DurableFile::DurableFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(open_or_fail("create", path_, O_WRONLY | O_CREAT | O_TRUNC)) {}

DurableFile::~DurableFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void DurableFile::write(const void* data, std::size_t size_bytes) {
  const char* next = static_cast<const char*>(data);
  while (size_bytes > 0) {
    constexpr std::size_t kChunk = std::size_t{1} << 30;  // below every system's limit
    const ssize_t count = ::write(descriptor_, next, std::min(size_bytes, kChunk));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_to_write("write", path_, errno);
    next += count;
    size_bytes -= static_cast<std::size_t>(count);
  }
}

void DurableFile::close() {
  // EINVAL: not a disk
  if (::fsync(descriptor_) != 0 && errno != EINVAL) fail_to_write("write", path_, errno);
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0) fail_to_write("write", path_, errno);
}

void sync_directory(const std::filesystem::path& directory) {
  const Descriptor handle(open_or_fail("open", directory, O_RDONLY | O_DIRECTORY));
  if (::fsync(handle.get()) != 0 && errno != EINVAL) fail_to_write("write", directory, errno);
}

void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail_to_write("rename to", to, errno);
  sync_directory(to.has_parent_path() ? to.parent_path() : ".");
}

void exchange_durably(const std::filesystem::path& a, const std::filesystem::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) != 0) {
    // Some file systems (NFS) cannot: then there is a moment with neither.
    if (errno != EINVAL && errno != ENOSYS) fail_to_write("replace", b, errno);
    exchange_by_renames(a, b);
  }
  sync_directory(b.has_parent_path() ? b.parent_path() : ".");
}

void exchange_by_renames(const std::filesystem::path& a, const std::filesystem::path& b) {
  const std::filesystem::path old = b.string() + ".old";
  std::error_code error;
  std::filesystem::remove_all(old, error);  // what a crash in here has left
  if (error) fail_to_write("remove", old, error.value());
  rename_durably(b, old);
  if (::rename(a.c_str(), b.c_str()) != 0) {
    const int code = errno;
    rename_durably(old, b);
    fail_to_write("replace", b, code);
  }
  rename_durably(old, a);
}

UnfinishedDirectory::UnfinishedDirectory(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  make_directories(path_);
}

UnfinishedDirectory::~UnfinishedDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

DirectoryLock::DirectoryLock(const std::filesystem::path& directory) {
  Descriptor handle(open_or_fail("open", directory, O_RDONLY | O_DIRECTORY));
  // A file system that knows no locks fails otherwise, and is used without.
  if (::flock(handle.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    fail(ErrorKind::io, "file", "{} is in use by another process; wait for it to end, or stop it",
         directory.string());
  }
  descriptor_ = handle.release();
}

DirectoryLock::~DirectoryLock() { ::close(descriptor_); }

void write_file_durably(const std::filesystem::path& path, std::string_view content) {
  // A name of its own: other processes may write at the same time. The last one wins.
  const UnfinishedFile aside(fmt::format("{}.{}.new", path.string(), ::getpid()));
  DurableFile file(aside.path());
  file.write(content.data(), content.size());
  file.close();
  rename_durably(aside.path(), path);
}

}  // namespace espalier
