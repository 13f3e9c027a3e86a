#include "experiments/bench/subject.h"

#include "experiments/about.h"
#include "experiments/config/document.h"
#include "experiments/config/reader.h"
#include "framework/core/random.h"
#include "models/registry.h"

namespace espalier::bench {

std::string SubjectOptions::name() const {
  if (!checkpoint.empty()) return checkpoint;
  std::string name = model;
  for (const std::string& assignment : overrides) name.append(" ").append(assignment);
  return name;
}

Subject find_subject(const SubjectOptions& options) {
  Subject subject;
  if (options.checkpoint.empty()) {
    const auto spec = models::model_registry().make(options.model);
    ConfigNode keys;
    for (const std::string& assignment : options.overrides) apply_override(keys, assignment);
    read_config(keys, *spec);
    subject.model = spec->build(subject.image, subject.classes, 1);
  } else {
    const SavedModel saved = load_model(options.checkpoint);
    subject = {saved.model, saved.image_shape, saved.classes};
  }
  return subject;
}

Tensor random_images(std::int64_t batch, const Shape& image) {
  Tensor images = Tensor::empty({batch, image[0], image[1], image[2]});
  Random random(1, "images");
  for (std::int64_t i = 0; i < images.numel(); ++i) images.data()[i] = random.normal();
  return images;
}

}  // namespace espalier::bench
