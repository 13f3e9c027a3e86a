// `espalier data get cifar10`: from the official archive to a verified directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "datasets/cifar10.h"
#include "datasets/download.h"

namespace espalier::datasets {

// What an archive of CIFAR-10 is. Others than the official one are for tests.
struct Cifar10Archive {
  RemoteFile file = {"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", 170'052'171,
                     "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"};
  std::int64_t images_per_file = kCifar10ImagesPerFile;
};

struct GetOptions {
  std::string mirror = {};  // another URL of the archive, or of the directory that holds it (ends in "/")
  std::filesystem::path from = {};  // an archive that is already here: nothing is downloaded
  DownloadOptions download = {};
};

// Makes <directory>/cifar-10-batches-bin/: downloads the archive (and goes on where an earlier call stopped),
// checks it, unpacks the expected files aside, verifies them and renames. Leaves a data set that is there and
// sound as it is. Returns the directory of the files. Throws Error as download(), unpack() and
// verify_cifar10() do.
std::filesystem::path get_cifar10(const std::filesystem::path& directory, const GetOptions& options = {},
                                  const Cifar10Archive& archive = {});

}  // namespace espalier::datasets
