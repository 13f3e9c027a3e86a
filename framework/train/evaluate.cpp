#include "framework/train/evaluate.h"

#include "framework/autograd/node.h"
#include "framework/nn/evaluation_mode.h"

namespace espalier::train {

Metrics evaluate(nn::Module& model, BatchSource& source, const Loss& loss, const Predict& predict) {
  const nn::EvaluationMode mode(model);
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
