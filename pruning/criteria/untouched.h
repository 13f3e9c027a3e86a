// Gives a model back as it was: values, running statistics, gradients and modes. Criteria run the network
// inside.
#pragma once

#include <vector>

#include "framework/nn/evaluation_mode.h"
#include "framework/nn/module.h"

namespace espalier::pruning {

class Untouched {
 public:
  // Gradients are gone until it ends.
  explicit Untouched(nn::Module& model);
  ~Untouched();
  Untouched(const Untouched&) = delete;
  Untouched& operator=(const Untouched&) = delete;

 private:
  nn::Module& model_;
  nn::KeptModes modes_;
  std::vector<Tensor> values_, buffers_, gradients_;
};

}  // namespace espalier::pruning
