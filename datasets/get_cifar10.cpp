#include "datasets/get_cifar10.h"

#include <fmt/format.h>

#include <fstream>
#include <system_error>
#include <vector>

#include "datasets/archive.h"
#include "datasets/verify_cifar10.h"
#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/core/sha256.h"

namespace espalier::datasets {
namespace {

namespace fs = std::filesystem;

constexpr const char* kArchiveName = "cifar-10-binary.tar.gz";
constexpr const char* kNamesFile = "batches.meta.txt";
constexpr std::int64_t kNamesBytes = 61;  // the names of the classes

std::vector<std::string> file_names() {
  std::vector<std::string> names(kCifar10TrainFiles.begin(), kCifar10TrainFiles.end());
  names.push_back(kCifar10TestFile);
  names.push_back(kNamesFile);
  return names;
}

// The sums of the files as they came from the archive: later damage will show.
void write_sums(const fs::path& directory) {
  std::ofstream sums(directory / kSumsFile, std::ios::binary);
  for (const std::string& name : file_names()) sums << sha256_file(directory / name) << "  " << name << '\n';
  sums.close();
  if (!sums) fail(ErrorKind::io, "data", "cannot write {}", (directory / kSumsFile).string());
}

void unpack_verified(const fs::path& archive_path, const fs::path& target, std::int64_t images_per_file) {
  std::vector<ArchiveMember> members;
  for (const std::string& name : file_names()) {
    const bool images = name != kNamesFile;
    members.push_back({fmt::format("{}/{}", kCifar10Directory, name),
                       images ? images_per_file * kCifar10RecordBytes : kNamesBytes});
  }
  const UnfinishedDirectory aside(target.string() + ".unpacking");
  unpack(archive_path, members, aside.path());
  write_sums(aside.path());
  verify_cifar10(aside.path(), images_per_file);
  rename_durably(aside.path(), target);
}

}  // namespace

fs::path get_cifar10(const fs::path& directory, const GetOptions& options, const Cifar10Archive& archive) {
  fs::path target = directory / kCifar10Directory;
  std::error_code error;
  if (fs::exists(target, error)) {
    try {
      verify_cifar10(target, archive.images_per_file);
    } catch (const Error& damaged) {
      throw Error(damaged.kind(), "data",
                  fmt::format("{} is there but not sound ({}); move it away to get it anew", target.string(),
                              damaged.what()));
    }
    return target;
  }
  make_directories(directory);
  const DirectoryLock lock(directory);  // two that write to one .part file would spoil it
  if (!options.from.empty()) {
    check_identity(archive.file, options.from, "name another file, or let it be downloaded");
    unpack_verified(options.from, target, archive.images_per_file);
    return target;
  }
  RemoteFile file = archive.file;
  if (!options.mirror.empty())
    file.url = options.mirror + (options.mirror.ends_with('/') ? kArchiveName : "");
  const fs::path downloaded = directory / kArchiveName;
  download(file, downloaded, options.download);
  unpack_verified(downloaded, target, archive.images_per_file);
  fs::remove(downloaded, error);
  return target;
}

}  // namespace espalier::datasets
