#include "framework/nn/modules/sequential.h"

#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/relu.h"

namespace espalier::nn {

Sequential::Sequential(std::vector<std::shared_ptr<Module>> modules) {
  for (std::shared_ptr<Module>& module : modules) append(std::move(module));
}

void Sequential::append(std::shared_ptr<Module> module) {
  sequence_.push_back(register_module(std::to_string(sequence_.size()), std::move(module)));
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i < sequence_.size(); ++i) {
    auto* norm = dynamic_cast<BatchNorm2d*>(sequence_[i].get());
    const bool relu_follows =
        i + 1 < sequence_.size() && dynamic_cast<ReLU*>(sequence_[i + 1].get()) != nullptr;
    if (norm != nullptr && relu_follows) {
      y = norm->forward_relu(y);
      ++i;
    } else {
      y = (*sequence_[i])(y);
    }
  }
  return y;
}

}  // namespace espalier::nn
