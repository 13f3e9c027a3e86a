#include "experiments/stages/feature_distillation.h"

#include <algorithm>

#include "experiments/stages/caught_outputs.h"
#include "experiments/stages/feature_distance.h"
#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/evaluation_mode.h"
#include "framework/ops/add.h"
#include "framework/ops/scale.h"
#include "framework/tune/tuner.h"
#include "pruning/targets.h"

namespace espalier {
namespace {

// What the layers give for an image of zeros: [1, ...].
std::vector<Tensor> outputs_for(nn::Module& model, const std::vector<nn::Module*>& layers,
                                const Shape& image) {
  const NoGrad off;
  const tune::UseTuner fixed(nullptr);  // one image is not worth a measurement
  const nn::EvaluationMode mode(model);
  CaughtOutputs caught(layers);
  model(Tensor::zeros({1, image[0], image[1], image[2]}, Layout::lanes));
  return caught.take();
}

// Pixels or tokens: all of an output's shape but images and channels.
Shape positions(const Shape& output) { return output.without(0).without(output.rank() == 4 ? 0 : -1); }

void refuse_incomparable(const std::string& kind, const std::string& layer, const Shape& student,
                         const Shape& teacher) {
  const auto refuse = [&](const char* need) {
    fail(ErrorKind::usage, "distill", "layer '{}' gives {} in the student and {} in the teacher; {}", layer,
         student.without(0).str(), teacher.without(0).str(), need);
  };
  if (kind == "hint") {
    if (!(student == teacher))
      refuse("hints are of one shape; feature_kind = \"attention\" leaves channels aside");
    return;
  }
  if (student.rank() != teacher.rank() || student.rank() < 3)
    refuse("attention is over the pixels of planes or over tokens");
  if (!(positions(student) == positions(teacher)))
    refuse("attention is compared pixel by pixel, or token by token");
}

}  // namespace

void FeatureDistillation::fields(FieldVisitor& v) {
  v.field("features", layers,
          "layers whose outputs are to be like the teacher's, * and ? as in file names: \"layer?\"");
  v.field("feature_kind", kind, "what is compared: where outputs are large, for any widths, or every value",
          {"attention", "hint"});
  v.field("feature_weight", weight, "of the features' distance, added to the loss", {0.0, 1e9});
}

std::vector<nn::Module*> FeatureDistillation::layers_of(nn::Module& student) const {
  std::vector<nn::Module*> found;
  std::vector<std::string> paths;
  for (nn::Module* module : student.modules()) {
    if (module == &student) continue;
    paths.push_back(module->path());
    const bool matches = std::any_of(layers.begin(), layers.end(), [&](const std::string& pattern) {
      return pruning::name_matches(module->path(), pattern);
    });
    if (matches) found.push_back(module);
  }
  pruning::refuse_idle_patterns(layers, paths, "distill", "layer");
  return found;
}

std::vector<nn::Module*> FeatureDistillation::counterparts(nn::Module& student, nn::Module& teacher,
                                                           const Shape& image) const {
  if (layers.empty()) return {};
  const std::vector<nn::Module*> asked = layers_of(student), below = teacher.modules();
  std::vector<nn::Module*> found;
  for (const nn::Module* layer : asked) {
    const auto same = std::find_if(below.begin(), below.end(),
                                   [&](const nn::Module* m) { return m->path() == layer->path(); });
    if (same == below.end())
      fail(ErrorKind::usage, "distill", "the teacher has no layer '{}'", layer->path());
    found.push_back(*same);
  }
  const std::vector<Tensor> own = outputs_for(student, asked, image),
                            others = outputs_for(teacher, found, image);
  for (std::size_t i = 0; i < asked.size(); ++i)
    refuse_incomparable(kind, asked[i]->path(), own[i].shape(), others[i].shape());
  return found;
}

Tensor FeatureDistillation::loss(const std::vector<Tensor>& student,
                                 const std::vector<Tensor>& teacher) const {
  Tensor sum;
  for (std::size_t i = 0; i < student.size(); ++i) {
    const Tensor distance =
        kind == "hint" ? hint_distance(student[i], teacher[i]) : attention_distance(student[i], teacher[i]);
    sum = i == 0 ? distance : ops::add(sum, distance);
  }
  return ops::scale(sum, static_cast<float>(weight));
}

}  // namespace espalier
