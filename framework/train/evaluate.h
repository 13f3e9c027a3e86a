// Loss and accuracy of a model on data that it does not train on.
#pragma once

#include <functional>

#include "framework/nn/module.h"
#include "framework/train/batch.h"
#include "framework/train/metrics.h"

namespace espalier::train {

// The mean loss of a batch for which the model gave logits [N, K]: a scalar.
using Loss = std::function<Tensor(const Tensor& logits, const Batch& batch)>;

// One epoch of `source` in evaluation mode and off the tape; leaves the model in the mode it was in.
Metrics evaluate(nn::Module& model, BatchSource& source, const Loss& loss);

}  // namespace espalier::train
