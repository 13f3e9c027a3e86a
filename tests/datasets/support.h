// What tests of data sets share.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "datasets/cifar10.h"
#include "datasets/memory_dataset.h"
#include "framework/core/error.h"
#include "framework/core/random.h"

namespace espalier::datasets::testing {

namespace fs = std::filesystem;

// A directory that goes when the test ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "espalier_datasets_XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline void write_file(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// Records in CIFAR-10's layout: labels 0, 1, ... 9, 0, ... and random pixels.
inline std::string cifar10_records(std::int64_t images, std::uint64_t seed) {
  std::string bytes;
  Random random(seed, "test records");
  for (std::int64_t i = 0; i < images; ++i) {
    bytes += static_cast<char>(i % 10);
    for (std::int64_t p = 0; p < kCifar10ImageBytes; ++p)
      bytes += static_cast<char>(random.next_u32() & 255u);
  }
  return bytes;
}

// Writes a small CIFAR-10 and returns its directory.
inline fs::path write_cifar10(const fs::path& parent, std::int64_t images_per_file) {
  const fs::path directory = parent / kCifar10Directory;
  std::uint64_t seed = 0;
  for (const char* name : kCifar10TrainFiles) {
    write_file(directory / name, cifar10_records(images_per_file, ++seed));
  }
  write_file(directory / kCifar10TestFile, cifar10_records(images_per_file, ++seed));
  return directory;
}

// A data set of random pixels in memory; image i has label i modulo `classes`.
inline std::shared_ptr<const Dataset> random_dataset(std::int64_t images, const Shape& image_shape,
                                                     std::int64_t classes = 10) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images * image_shape.numel()));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(images));
  Random random(7, "test pixels");
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random.next_u32());
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<std::int32_t>(i) % static_cast<std::int32_t>(classes);
  return std::make_shared<MemoryDataset>(image_shape, classes, std::move(pixels), std::move(labels));
}

// The action must throw an Error of this kind whose text holds every one of `parts`.
inline void check_error(ErrorKind kind, const std::vector<std::string>& parts,
                        const std::function<void()>& action) {
  try {
    action();
    FAIL_CHECK("expected an error with: ", parts.empty() ? "" : parts.front());
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK_MESSAGE(error.exit_code() == static_cast<int>(kind), text);
    for (const std::string& part : parts)
      CHECK_MESSAGE(text.find(part) != std::string::npos, text, " lacks ", part);
  }
}

}  // namespace espalier::datasets::testing
