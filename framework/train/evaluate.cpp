#include "framework/train/evaluate.h"

#include "framework/autograd/node.h"

namespace espalier::train {
namespace {

class EvaluationMode {
 public:
  explicit EvaluationMode(nn::Module& model) : model_(model), before_(model.is_training()) { model.eval(); }
  ~EvaluationMode() { model_.train(before_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  nn::Module& model_;
  bool before_;
};

}  // namespace

Metrics evaluate(nn::Module& model, BatchSource& source, const Loss& loss, const Predict& predict) {
  const EvaluationMode mode(model);
  const NoGrad off;
  Metrics metrics;
  source.start(0);
  while (const std::optional<Batch> batch = source.next()) {
    const Tensor logits = predict(model, batch->images);
    metrics.add(double{loss(logits, *batch).item()}, logits, batch->labels);
  }
  return metrics;
}

}  // namespace espalier::train
