// All data sets, in the order in which help prints them. A new one adds its row here.
#include "datasets/cifar10.h"
#include "datasets/dataset.h"
#include "datasets/image_folder.h"
#include "datasets/synthetic.h"

namespace espalier::datasets {

const Registry<DatasetSpec>& dataset_registry() {
  static const Registry<DatasetSpec> registry(
      "dataset", {
                     {"cifar10", "60,000 photographs of 32x32 pixels in ten classes (Krizhevsky, 2009)",
                      [] { return std::make_unique<Cifar10Spec>(); }},
                     {"image_folder", "PNG and JPEG files: <path>/train/<class>/ and <path>/test/<class>/",
                      [] { return std::make_unique<ImageFolderSpec>(); }},
                     {"synthetic", "ten classes of shapes drawn by code from a seed: needs no files",
                      [] { return std::make_unique<SyntheticSpec>(); }},
                 });
  return registry;
}

}  // namespace espalier::datasets
