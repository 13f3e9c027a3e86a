#include "pruning/criteria/grasp.h"

#include <cmath>
#include <vector>

#include "pruning/criteria/untouched.h"

namespace espalier::pruning {
namespace {

std::vector<Tensor> copies_of_gradients(std::span<nn::Parameter* const> targets) {
  std::vector<Tensor> gradients;
  for (const nn::Parameter* target : targets) gradients.push_back(target->grad().clone());
  return gradients;
}

// values += factor * directions
void move(std::span<nn::Parameter* const> targets, const std::vector<Tensor>& directions, double factor) {
  for (std::size_t t = 0; t < targets.size(); ++t) {
    Tensor& value = targets[t]->value;
    float* w = value.data();
    const float* d = directions[t].data();
    for (std::int64_t i = 0; i < value.numel(); ++i) w[i] += static_cast<float>(factor * double{d[i]});
  }
}

double norm_of(const std::vector<Tensor>& tensors) {
  double squares = 0.0;
  for (const Tensor& tensor : tensors) {
    for (std::int64_t i = 0; i < tensor.numel(); ++i)
      squares += double{tensor.data()[i]} * double{tensor.data()[i]};
  }
  return std::sqrt(squares);
}

}  // namespace

void Grasp::fields(FieldVisitor& v) {
  v.field("batches", batches_, "training batches that each gradient is summed over", {1, 100000});
  v.field("step", step_, "norm of the step of the difference", {1e-6, 1.0});
  v.field("temperature", temperature_, "that logits are divided by; 1: none", {1e-3, 1e6});
}

void Grasp::measure(const ScoringData& data, std::span<nn::Parameter* const> targets) {
  const Untouched untouched(data.model);
  const auto take_gradients = [&] { sum_gradients(data, batches_, static_cast<float>(temperature_)); };
  std::vector<Tensor> values;
  for (const nn::Parameter* target : targets) values.push_back(target->value.clone());
  take_gradients();
  std::vector<Tensor> g = copies_of_gradients(targets);
  for (std::size_t t = 0; t < targets.size(); ++t) targets[t]->mask.apply_(g[t]);  // the living alone move
  const double norm = norm_of(g), h = norm > 0.0 ? step_ / norm : 0.0;
  move(targets, g, h);
  take_gradients();
  const std::vector<Tensor> above = copies_of_gradients(targets);
  move(targets, g, -2.0 * h);
  take_gradients();
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const Tensor gradient = targets[t]->grad();
    const float *w = values[t].data(), *up = above[t].data(), *down = gradient.data();
    // The same for all weights, 2 h does not change their order.
    set_scores(*targets[t], [&](std::int64_t i) { return w[i] * (up[i] - down[i]); });
  }
}

}  // namespace espalier::pruning
