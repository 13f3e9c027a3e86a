// Gives a model back as it was: values, running statistics, gradients and mode. Criteria run the network
// inside.
#pragma once

#include <vector>

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
  bool training_;
  std::vector<Tensor> values_, buffers_, gradients_;
};

}  // namespace espalier::pruning
