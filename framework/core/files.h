// Writing files that survive a crash: the bytes reach the disk before a name points at them. Every failure of
// the system is an Error (io) that names the path and the reason.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace espalier {

// The whole of a file; throws when it cannot be read or is larger than `limit_bytes`.
std::string read_file(const std::filesystem::path& path, std::size_t limit_bytes);

void make_directories(const std::filesystem::path& path);

// A new file. Without close() its content is not safe; the destructor only lets go of it.
class DurableFile {
 public:
  explicit DurableFile(std::filesystem::path path);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(const void* data, std::size_t size_bytes);
  // Returns once the content is on the disk.
  void close();

 private:
  std::filesystem::path path_;
  int descriptor_;
};

// Returns once the names in the directory are on the disk.
void sync_directory(const std::filesystem::path& directory);

// Renames within a directory, and syncs it.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

// Gives each the other's name, in one moment where the file system can, and syncs their directory.
void exchange_durably(const std::filesystem::path& a, const std::filesystem::path& b);
// The same where it cannot: b is "<b>.old" for a moment, in which a crash leaves neither of its name.
void exchange_by_renames(const std::filesystem::path& a, const std::filesystem::path& b);

// A new, empty directory to fill and then rename or exchange. What bears its name in the end is removed, and
// so is what a crash left of an earlier one.
class UnfinishedDirectory {
 public:
  explicit UnfinishedDirectory(std::filesystem::path path);
  ~UnfinishedDirectory();
  UnfinishedDirectory(const UnfinishedDirectory&) = delete;
  UnfinishedDirectory& operator=(const UnfinishedDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Holds an existing directory for this process, until it is destroyed or the process ends. Throws Error (io)
// when another one holds it.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_;
};

// Replaces the file's content: after a crash it is the old one or the new one, whole.
void write_file_durably(const std::filesystem::path& path, std::string_view content);

}  // namespace espalier
