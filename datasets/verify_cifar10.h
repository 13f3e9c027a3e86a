// `espalier data verify cifar10`: is the data set complete and undamaged?
#pragma once

#include <cstdint>
#include <filesystem>

#include "datasets/cifar10.h"

namespace espalier::datasets {

inline constexpr const char* kSumsFile = "SHA256SUMS";  // lines of "<64 hex digits>  <file name>"

struct Cifar10Verification {
  std::int64_t train_images = 0, test_images = 0;
  bool sums_checked = false;  // false where there is no SHA256SUMS: then a changed pixel goes unseen
};

// Checks sizes, labels, and that every class has the same number of images in the training and in the test
// files; where the directory has a SHA256SUMS, each of the six files against it. Throws Error: io when a file
// cannot be read, integrity when it is not what it should be.
Cifar10Verification verify_cifar10(const std::filesystem::path& directory,
                                   std::int64_t images_per_file = kCifar10ImagesPerFile);

}  // namespace espalier::datasets
