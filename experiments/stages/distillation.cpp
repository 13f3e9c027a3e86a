#include "experiments/stages/distillation.h"

#include "experiments/stages/caught_outputs.h"
#include "experiments/stages/earlier_stage.h"
#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/add.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/scale.h"
#include "framework/ops/softmax.h"
#include "framework/ops/to_dtype.h"

namespace espalier {
namespace {

void check_fits(const SavedModel& teacher, const std::string& name, const datasets::Splits& data) {
  const Shape images = data.train->image_shape();
  const std::int64_t classes = data.train->classes();
  if (teacher.image_shape == images && teacher.classes == classes) return;
  fail(ErrorKind::usage, "distill",
       "the teacher {} tells {} classes of images {} apart, the data has {} of {}", name, teacher.classes,
       teacher.image_shape.str(), classes, images.str());
}

std::shared_ptr<nn::Module> load_teacher(const StageContext& context, const std::string& name) {
  const SavedModel saved = load_earlier(context, name);
  check_fits(saved, name, context.data);
  saved.model->eval();
  return saved.model;
}

Tensor label_loss(const Tensor& logits, const train::Batch& batch, float smoothing) {
  const Tensor own = ops::cross_entropy(logits, batch.labels, smoothing);
  if (!batch.mixed_labels.defined()) return own;
  const Tensor other = ops::cross_entropy(logits, batch.mixed_labels, smoothing);
  return ops::add(ops::scale(own, batch.own_share), ops::scale(other, 1.0f - batch.own_share));
}

}  // namespace

void Distillation::fields(FieldVisitor& v) {
  v.field("teacher", teacher, "an earlier stage, or the path of a checkpoint or run; empty: none");
  v.field("temperature", temperature, "of the softmax of both", {1e-3, 1e3});
  v.field("weight", weight, "of the teacher's answers in the loss; the labels have the rest", {0.0, 1.0});
  features.fields(v);
}

void Distillation::rehearse(const StageInputs& inputs) const {
  if (teacher.empty()) {
    if (!features.layers.empty())
      fail(ErrorKind::usage, "distill", "whose features? name a teacher beside them");
    return;
  }
  features.layers_of(inputs.model);
  if (const std::optional<SavedModel> saved = expect_earlier(inputs, "distill.teacher", teacher)) {
    check_fits(*saved, teacher, inputs.data);
    features.counterparts(inputs.model, *saved->model, inputs.data.train->image_shape());
  } else {  // an earlier stage is the same network: what cannot be compared with itself cannot be at all
    features.counterparts(inputs.model, inputs.model, inputs.data.train->image_shape());
  }
}

train::Loss Distillation::loss(const StageContext& context, double label_smoothing) const {
  const auto smoothing = static_cast<float>(label_smoothing);
  if (teacher.empty()) {
    return [smoothing](const Tensor& logits, const train::Batch& batch) {
      return label_loss(logits, batch, smoothing);
    };
  }
  const auto model = load_teacher(context, teacher);
  const std::vector<nn::Module*> shown =
      features.counterparts(context.model, *model, context.data.train->image_shape());
  const auto learning =
      shown.empty() ? nullptr : std::make_shared<CaughtOutputs>(features.layers_of(context.model));
  const auto cooling = static_cast<float>(1.0 / temperature);
  const auto soft_share = static_cast<float>(weight * temperature * temperature);
  const auto hard_share = static_cast<float>(1.0 - weight);
  return [=, features = features](const Tensor& logits, const train::Batch& batch) {
    Tensor targets;
    std::vector<Tensor> examples;  // of features
    {
      const NoGrad off;
      CaughtOutputs showing(shown);
      targets = ops::softmax(ops::scale(ops::to_dtype((*model)(batch.images), DType::f32), cooling));
      examples = showing.take();
    }
    const Tensor cooled = ops::scale(ops::to_dtype(logits, DType::f32), cooling);
    const Tensor soft = ops::soft_cross_entropy(cooled, targets);
    const Tensor hard = label_loss(logits, batch, smoothing);
    const Tensor answers = ops::add(ops::scale(hard, hard_share), ops::scale(soft, soft_share));
    return learning == nullptr ? answers : ops::add(answers, features.loss(learning->take(), examples));
  };
}

}  // namespace espalier
