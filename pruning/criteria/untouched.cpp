#include "pruning/criteria/untouched.h"

namespace espalier::pruning {

Untouched::Untouched(nn::Module& model) : model_(model), modes_(model) {
  for (nn::Parameter* parameter : model.parameters()) {
    values_.push_back(parameter->value.clone());
    gradients_.push_back(parameter->grad());
    parameter->zero_grad();
  }
  for (const nn::Buffer* buffer : model.buffers()) buffers_.push_back(buffer->value.clone());
}

Untouched::~Untouched() {
  const std::vector<nn::Parameter*> parameters = model_.parameters();
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    parameters[p]->value.copy_(values_[p]);
    parameters[p]->zero_grad();
    parameters[p]->value.set_grad(gradients_[p]);
  }
  const std::vector<nn::Buffer*> buffers = model_.buffers();
  for (std::size_t b = 0; b < buffers.size(); ++b) buffers[b]->value.copy_(buffers_[b]);
}

}  // namespace espalier::pruning
