#include "datasets/cifar10.h"

#include <fmt/format.h>

#include <cstring>

#include "datasets/find_data.h"
#include "datasets/memory_dataset.h"
#include "datasets/read_file.h"
#include "datasets/split.h"
#include "datasets/synthetic.h"
#include "framework/core/error.h"

namespace espalier::datasets {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGetIt = "`espalier data get cifar10` downloads the data set";

// Mean and deviation of the 50,000 training images, as they are commonly given.
const Normalisation kCifar10Normalisation = {{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}};

// The bytes of a file that must have exactly `expected` of them.
std::vector<std::uint8_t> read_exactly(const fs::path& path, std::int64_t expected) {
  // One byte more would show that the file is too long.
  const auto limit = static_cast<std::size_t>(expected) + 1;
  std::vector<std::uint8_t> bytes = read_up_to(path, limit, "cifar10", kGetIt);
  if (static_cast<std::int64_t>(bytes.size()) != expected) {
    fail(ErrorKind::integrity, "cifar10", "{} must have {} bytes, {}; is it damaged or cut off? {}",
         path.string(), expected,
         bytes.size() < limit ? fmt::format("it ends at byte {}", bytes.size()) : "it goes on after them",
         kGetIt);
  }
  return bytes;
}

}  // namespace

std::shared_ptr<const Dataset> read_cifar10(const std::vector<fs::path>& files,
                                            std::int64_t images_per_file) {
  const auto images = static_cast<std::size_t>(images_per_file);
  std::vector<std::uint8_t> pixels(files.size() * images * kCifar10ImageBytes);  // [N, 3, 32, 32]
  std::vector<std::int32_t> labels(files.size() * images);                       // [N]
  std::size_t next = 0;
  for (const fs::path& path : files) {
    const std::vector<std::uint8_t> bytes = read_exactly(path, images_per_file * kCifar10RecordBytes);
    for (std::size_t i = 0; i < images; ++i, ++next) {
      const std::uint8_t* record = bytes.data() + i * kCifar10RecordBytes;
      if (record[0] >= kCifar10Classes) {
        fail(ErrorKind::integrity, "cifar10",
             "{}: the label at byte {} (image {}) is {}, expected 0 .. 9; {}", path.string(),
             i * kCifar10RecordBytes, i, record[0], kGetIt);
      }
      labels[next] = record[0];
      std::memcpy(pixels.data() + next * kCifar10ImageBytes, record + 1, kCifar10ImageBytes);
    }
  }
  return std::make_shared<MemoryDataset>(Shape{3, 32, 32}, kCifar10Classes, std::move(pixels),
                                         std::move(labels));
}

std::optional<fs::path> find_cifar10(const std::string& configured) {
  return find_data(data_directories(configured), kCifar10Directory, kCifar10TestFile);
}

fs::path cifar10_directory(const std::string& configured) {
  if (const std::optional<fs::path> found = find_cifar10(configured)) return *found;
  std::string searched;
  for (const fs::path& place : data_directories(configured))
    searched += (searched.empty() ? "" : ", ") + place.string();
  fail(ErrorKind::io, "cifar10", "found no {}/ in {}; {}, or set the path or $ESPALIER_DATA",
       kCifar10Directory, searched, kGetIt);
}

void Cifar10Spec::fields(FieldVisitor& v) {
  v.field("path", path,
          "directory that is or holds cifar-10-batches-bin/; empty: $ESPALIER_DATA, else data/, else "
          "../shared/data/");
  v.field("if_missing", if_missing, "what to do when no path is given and nothing is found",
          {"fail", "synthetic"});
  v.field("train_images", train_images, "train on that many images, the same share of each class; 0: all",
          {0, 50000});
  v.field("validation_images", validation_images,
          "images taken out of the training data for validation, the same share of each class", {0, 49990});
  v.field("split_seed", split_seed, "seed that chooses these images", {0, std::int64_t{1} << 53});
}

Splits Cifar10Spec::load() const {
  if (path.empty() && if_missing == "synthetic" && !find_cifar10()) {
    SyntheticSpec synthetic;
    synthetic.validation_images = validation_images;
    synthetic.train_images = train_images > 0 ? train_images : synthetic.train_images - validation_images;
    Splits splits = synthetic.load();
    splits.description += " (CIFAR-10 was not found)";
    return splits;
  }
  const fs::path directory = cifar10_directory(path);
  std::vector<fs::path> train_files;
  for (const char* name : kCifar10TrainFiles) train_files.push_back(directory / name);
  Splits splits;
  splits.name = "cifar10";
  splits.normalisation = kCifar10Normalisation;
  splits.test = read_cifar10({directory / kCifar10TestFile}, images_per_file_);
  const auto seed = static_cast<std::uint64_t>(split_seed);
  Parts parts = split_stratified(read_cifar10(train_files, images_per_file_), validation_images, seed);
  splits.validation = parts.second;
  splits.train = parts.first;
  if (parts.first == nullptr) {
    fail(ErrorKind::usage, "cifar10", "validation_images leaves nothing to train on");
  }
  if (train_images > 0 && train_images < splits.train->size()) {
    splits.train = split_stratified(splits.train, train_images, seed).second;
  }
  splits.description = fmt::format("CIFAR-10 from {}: {} training, {} validation and {} test images",
                                   directory.string(), splits.train->size(),
                                   splits.validation ? splits.validation->size() : 0, splits.test->size());
  return splits;
}

}  // namespace espalier::datasets
