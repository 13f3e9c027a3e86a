#include "pruning/criteria/gathered.h"

#include "framework/core/error.h"

namespace espalier::pruning {

Tensor Gathered::scores(const nn::Parameter& parameter) {
  const auto found = gathered_.find(parameter.name);
  return found == gathered_.end() ? Tensor::zeros(parameter.value.shape()) : found->second;
}

void Gathered::observe(const optim::StepInfo&, std::span<nn::Parameter* const> parameters) {
  for (const nn::Parameter* parameter : parameters) {
    if (parameter->kind != nn::ParameterKind::weight || !parameter->has_gradient()) continue;
    const Tensor gradient = parameter->grad();
    Tensor& gathered = gathered_[parameter->name];
    if (!gathered.defined()) gathered = Tensor::zeros(parameter->value.shape());
    const float* w = parameter->value.data();
    const float* g = gradient.data();
    float* value = gathered.data();
    const std::int64_t numel = gathered.numel();
    for (std::int64_t i = 0; i < numel; ++i) value[i] = gather(value[i], w[i], g[i]);
  }
}

std::vector<std::pair<std::string, Tensor>> Gathered::state() { return {gathered_.begin(), gathered_.end()}; }

void Gathered::load_state(const std::vector<std::pair<std::string, Tensor>>& state) {
  gathered_.clear();
  for (const auto& [name, tensor] : state) gathered_[name] = tensor.clone();
}

}  // namespace espalier::pruning
