// CIFAR-10 (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009) in its official binary
// layout, https://www.cs.toronto.edu/~kriz/cifar.html: files of records of 3,073 bytes, one label byte (0 ..
// 9) and then 1,024 red, 1,024 green and 1,024 blue bytes, row-major.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace espalier::datasets {

inline constexpr const char* kCifar10Directory = "cifar-10-batches-bin";
inline constexpr std::int64_t kCifar10Classes = 10;
inline constexpr std::int64_t kCifar10ImageBytes = 3 * 32 * 32;
inline constexpr std::int64_t kCifar10RecordBytes = 1 + kCifar10ImageBytes;
inline constexpr std::int64_t kCifar10ImagesPerFile = 10000;
inline constexpr std::array<const char*, 5> kCifar10TrainFiles = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
inline constexpr const char* kCifar10TestFile = "test_batch.bin";

// The images of the files, each of exactly `images_per_file` records, in order. Throws Error: io when a file
// is missing, no regular file or not readable; integrity, with the file and the byte, when its size or a
// label is wrong.
std::shared_ptr<const Dataset> read_cifar10(const std::vector<std::filesystem::path>& files,
                                            std::int64_t images_per_file = kCifar10ImagesPerFile);

// The directory of the files, searched for as data_directories(configured) says.
std::optional<std::filesystem::path> find_cifar10(const std::string& configured = "");

// The same; throws Error (io) that says where it was searched for when there is none.
std::filesystem::path cifar10_directory(const std::string& configured);

class Cifar10Spec : public DatasetSpec {
 public:
  // Other sizes than the official one are for tests.
  explicit Cifar10Spec(std::int64_t images_per_file = kCifar10ImagesPerFile)
      : images_per_file_(images_per_file) {}

  void fields(FieldVisitor& v) override;
  Splits load() const override;

  std::string path;
  std::string if_missing = "fail";
  std::int64_t train_images = 0;
  std::int64_t validation_images = 0;
  std::int64_t split_seed = 0;

 private:
  std::int64_t images_per_file_;
};

}  // namespace espalier::datasets
