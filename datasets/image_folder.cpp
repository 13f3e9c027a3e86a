#include "datasets/image_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>

#include "datasets/decode_image.h"
#include "datasets/memory_dataset.h"
#include "datasets/resize.h"
#include "datasets/split.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"
#include "kernels/base/parallel.h"

namespace espalier::datasets {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhere = "image_folder";

struct ImageFile {
  fs::path path;
  std::int32_t label;
};

// Names in a directory that do not begin with a dot, sorted by their bytes: the same order on every machine.
std::vector<std::string> sorted_names(const fs::path& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  if (error) fail(ErrorKind::io, kWhere, "cannot list {}: {}", directory.string(), error.message());
  std::sort(names.begin(), names.end());
  return names;
}

bool has_image_ending(const std::string& name) {
  std::string ending = fs::path(name).extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

std::vector<ImageFile> list_images(const fs::path& directory, const std::vector<std::string>& classes,
                                   std::int64_t most_images) {
  for (const std::string& name : class_names(directory)) {
    if (std::find(classes.begin(), classes.end(), name) == classes.end()) {
      fail(ErrorKind::integrity, kWhere, "{} is no class of the training images{}",
           (directory / name).string(), did_you_mean(name, classes));
    }
  }
  std::vector<ImageFile> files;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const fs::path class_directory = directory / classes[label];
    const std::size_t before = files.size();
    for (const std::string& name : sorted_names(class_directory)) {
      if (has_image_ending(name)) files.push_back({class_directory / name, static_cast<std::int32_t>(label)});
    }
    if (files.size() == before) {
      fail(ErrorKind::integrity, kWhere, "{} holds no .png, .jpg or .jpeg file", class_directory.string());
    }
    if (static_cast<std::int64_t>(files.size()) > most_images) {
      fail(ErrorKind::integrity, kWhere, "{} holds more than {} images; raise most_images if that is meant",
           directory.string(), most_images);
    }
  }
  return files;
}

// The error of the first of many parallel tasks, whichever of them fails first in time.
class FirstError {
 public:
  void set(std::int64_t task, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!error_ || task < task_) {
      task_ = task;
      error_ = std::move(error);
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::int64_t task_ = 0;
  std::exception_ptr error_;
};

}  // namespace

std::vector<std::string> class_names(const fs::path& directory) {
  std::vector<std::string> classes;
  for (std::string& name : sorted_names(directory)) {
    std::error_code error;
    if (fs::is_directory(directory / name, error)) classes.push_back(std::move(name));
  }
  return classes;
}

std::shared_ptr<const Dataset> read_image_folder(const fs::path& directory,
                                                 const std::vector<std::string>& classes, std::int64_t side,
                                                 std::int64_t most_images) {
  const std::vector<ImageFile> files = list_images(directory, classes, most_images);
  const auto image_bytes = static_cast<std::size_t>(3 * side * side);
  std::vector<std::uint8_t> pixels(files.size() * image_bytes);  // [N, 3, side, side]
  std::vector<std::int32_t> labels(files.size());                // [N]
  FirstError error;
  kernels::parallel_for(static_cast<std::int64_t>(files.size()), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    labels[at] = files[at].label;
    try {
      const std::vector<std::uint8_t> square = resize_to_square(decode_image(files[at].path), side);
      std::memcpy(pixels.data() + at * image_bytes, square.data(), image_bytes);
    } catch (...) { error.set(i, std::current_exception()); }
  });
  error.rethrow();
  return std::make_shared<MemoryDataset>(Shape{3, side, side}, static_cast<std::int64_t>(classes.size()),
                                         std::move(pixels), std::move(labels));
}

void ImageFolderSpec::fields(FieldVisitor& v) {
  v.field("path", path, "directory that holds train/<class>/ and test/<class>/");
  v.field("side", side, "images are cut to their centre square and resized to side x side pixels",
          {8, kMaxImageSide});
  v.field("most_images", most_images, "more images in train/ or test/ than that are refused",
          {1, 10'000'000});
  v.field("validation_images", validation_images,
          "images taken out of the training data for validation, the same share of each class",
          {0, 10'000'000});
  v.field("split_seed", split_seed, "seed that chooses these images", {0, std::int64_t{1} << 53});
}

Splits ImageFolderSpec::load() const {
  if (path.empty())
    fail(ErrorKind::usage, kWhere, "the data set needs a path; set it to a directory of images");
  const fs::path root = path;
  const std::vector<std::string> classes = class_names(root / "train");
  if (classes.size() < 2) {
    fail(ErrorKind::integrity, kWhere, "{} needs a directory for each of two classes or more, has {}",
         (root / "train").string(), classes.size());
  }
  Splits splits;
  splits.name = "image_folder";
  splits.test = read_image_folder(root / "test", classes, side, most_images);
  Parts parts = split_stratified(read_image_folder(root / "train", classes, side, most_images),
                                 validation_images, static_cast<std::uint64_t>(split_seed));
  if (parts.first == nullptr) fail(ErrorKind::usage, kWhere, "validation_images leaves nothing to train on");
  splits.train = parts.first;
  splits.validation = parts.second;
  splits.normalisation = measure_normalisation(*splits.train);
  splits.description =
      fmt::format("{} classes of images from {}: {} training, {} validation and {} test images",
                  classes.size(), root.string(), splits.train->size(),
                  splits.validation ? splits.validation->size() : 0, splits.test->size());
  return splits;
}

}  // namespace espalier::datasets
