// A data set of image files, one directory a class:
//
//   <path>/train/<class>/*.png, *.jpg, *.jpeg
//   <path>/test/<class>/...
//
// The classes are the directories below train/, by name. Images are cut to their centre square, resized and
// kept in memory. Names that begin with a dot and files with other endings are passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace espalier::datasets {

// Subdirectories of `directory` that do not begin with a dot, sorted. Throws Error (io) when it cannot be
// read.
std::vector<std::string> class_names(const std::filesystem::path& directory);

// The images below directory/<class> for each of `classes`, which become the labels 0, 1, ...; in order of
// class and name. Throws Error: io when something cannot be read, integrity when a file is no image, a class
// has none, a directory is none of the classes, or there are more than `most_images`.
std::shared_ptr<const Dataset> read_image_folder(const std::filesystem::path& directory,
                                                 const std::vector<std::string>& classes, std::int64_t side,
                                                 std::int64_t most_images);

class ImageFolderSpec : public DatasetSpec {
 public:
  void fields(FieldVisitor& v) override;
  Splits load() const override;

  std::string path;
  std::int64_t side = 32;
  std::int64_t most_images = 200000;
  std::int64_t validation_images = 0;
  std::int64_t split_seed = 0;
};

}  // namespace espalier::datasets
