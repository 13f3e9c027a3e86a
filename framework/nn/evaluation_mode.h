#pragma once

#include <utility>
#include <vector>

#include "framework/nn/module.h"

namespace espalier::nn {

// After a scope each of a model's modules is again in the mode, training or evaluation, that it was in: a norm
// that eval() froze in a model that trains stays frozen. The model keeps its modules meanwhile.
class KeptModes {
 public:
  explicit KeptModes(Module& model);
  ~KeptModes();
  KeptModes(const KeptModes&) = delete;
  KeptModes& operator=(const KeptModes&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> were_training_;
};

// In a scope: a model in evaluation mode.
class EvaluationMode {
 public:
  explicit EvaluationMode(Module& model) : modes_(model) { model.eval(); }

 private:
  KeptModes modes_;
};

}  // namespace espalier::nn
