#include "pruning/criteria/synflow.h"

#include <cmath>

#include "framework/core/error.h"
#include "framework/ops/sum.h"
#include "pruning/criteria/untouched.h"

namespace espalier::pruning {
namespace {

// A network without negative weights and without shifts: linear in its input, and every path counts.
void make_positive(const std::string& name, Tensor& tensor) {
  if (tensor.dtype() != DType::f32) return;
  const bool shift = name.ends_with("bias") || name.ends_with("running_mean");
  for (std::int64_t i = 0; i < tensor.numel(); ++i)
    tensor.data()[i] = shift ? 0.0f : std::abs(tensor.data()[i]);
}

Tensor flow(const ScoringData& data, float input) {
  const Shape& image = data.input_shape;
  return ops::sum(data.model(Tensor::full({1, image[0], image[1], image[2]}, input, Layout::lanes)));
}

}  // namespace

void SynFlow::measure(const ScoringData& data, std::span<nn::Parameter* const> targets) {
  const Untouched untouched(data.model);
  data.model.eval();  // batch norm is a scaling then
  data.model.zero_grad();
  for (nn::Parameter* parameter : data.model.parameters()) make_positive(parameter->name, parameter->value);
  for (nn::Buffer* buffer : data.model.buffers()) make_positive(buffer->name, buffer->value);
  // Deep networks multiply an input of 1 beyond what a float holds; a smaller one changes all scores alike.
  Tensor sum;
  float input = 1.0f;
  for (sum = flow(data, input); !std::isfinite(sum.item()) || sum.item() > 1e15f; sum = flow(data, input)) {
    check(input > 1e-30f, "synflow", "the network's flow is not finite for any input");
    input *= 1e-5f;
  }
  sum.backward();
  for (const nn::Parameter* target : targets) {
    const Tensor gradient = target->grad();
    const float *w = target->value.data(), *g = gradient.data();
    set_scores(*target, [&](std::int64_t i) { return std::abs(w[i] * g[i]); });
  }
}

}  // namespace espalier::pruning
