#include "pruning/criteria/synflow.h"

#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/sum.h"
#include "pruning/criteria/untouched.h"

namespace espalier::pruning {
namespace {

void make_positive(const std::string& name, Tensor& tensor) {
  if (tensor.dtype() != DType::f32) return;
  const bool shift = name.ends_with("bias") || name.ends_with("running_mean");
  for (std::int64_t i = 0; i < tensor.numel(); ++i)
    tensor.data()[i] = shift ? 0.0f : std::abs(tensor.data()[i]);
}

// A network without negative weights and without shifts: linear in its input, and every path counts.
void make_positive(nn::Module& model) {
  model.eval();  // batch norm is a scaling then
  for (nn::Parameter* parameter : model.parameters()) make_positive(parameter->name, parameter->value);
  for (nn::Buffer* buffer : model.buffers()) make_positive(buffer->name, buffer->value);
}

Tensor flow(const ScoringData& data, float input) {
  const Shape& image = data.input_shape;
  return ops::sum(data.model(Tensor::full({1, image[0], image[1], image[2]}, input, Layout::lanes)));
}

// Deep networks multiply an input of 1 beyond what a float holds; a smaller one changes all scores alike.
float fitting_input(const ScoringData& data) {
  const NoGrad off;
  for (float input = 1.0f; input > 1e-30f; input *= 1e-5f) {
    const float sum = flow(data, input).item();
    if (std::isfinite(sum) && sum <= 1e15f) return input;
  }
  fail(ErrorKind::failure, "synflow", "the network's flow is not finite for any input");
}

}  // namespace

void SynFlow::check_network(const ScoringData& data) const {
  const Untouched untouched(data.model);
  const NoGrad off;
  make_positive(data.model);
  const float input = fitting_input(data);
  const double whole = double{flow(data, input).item()}, half = double{flow(data, 0.5f * input).item()};
  if (std::abs(whole - 2.0 * half) <= 1e-3 * std::abs(whole)) return;
  fail(ErrorKind::usage, "synflow",
       "half of the input gives {:.3g} times the flow: a layer norm, a softmax, a GELU or an added constant "
       "does not scale with its input, and flow is not conserved behind it; use another criterion",
       half / whole);
}

void SynFlow::measure(const ScoringData& data, std::span<nn::Parameter* const> targets) {
  const Untouched untouched(data.model);
  make_positive(data.model);
  flow(data, fitting_input(data)).backward();
  for (const nn::Parameter* target : targets) {
    const Tensor gradient = target->grad();
    const float *w = target->value.data(), *g = gradient.data();
    set_scores(*target, [&](std::int64_t i) { return std::abs(w[i] * g[i]); });
  }
}

}  // namespace espalier::pruning
