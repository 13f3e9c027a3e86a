#pragma once

#include <utility>
#include <vector>

#include "framework/nn/module.h"

namespace espalier::nn {

// In a scope: a model in evaluation mode. Then each of its modules is again in the mode that it was in: a
// norm that eval() froze in a model that trains stays frozen. The model keeps its modules meanwhile.
class EvaluationMode {
 public:
  explicit EvaluationMode(Module& model);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> were_training_;
};

}  // namespace espalier::nn
