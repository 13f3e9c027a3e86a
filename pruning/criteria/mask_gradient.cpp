#include "pruning/criteria/mask_gradient.h"

#include <cmath>

#include "framework/core/error.h"
#include "pruning/criteria/untouched.h"

namespace espalier::pruning {
namespace {

std::int64_t columns_of(const Shape& shape) { return shape[shape.rank() > 1 ? 1 : 0]; }

void add_batch(const nn::Parameter& parameter, std::vector<double>& sums) {
  const std::int64_t columns = columns_of(parameter.value.shape());
  const std::size_t first = sums.size();
  sums.resize(first + static_cast<std::size_t>(columns), 0.0);
  const Tensor gradient = parameter.grad();
  if (!gradient.defined()) return;
  const std::int64_t rows = parameter.value.rank() > 1 ? parameter.value.dim(0) : 1,
                     taps = parameter.value.numel() / (rows * columns);
  const float *w = parameter.value.data(), *g = gradient.data();
  for (std::int64_t i = 0; i < parameter.value.numel(); ++i)
    sums[first + static_cast<std::size_t>(i / taps % columns)] += double{w[i]} * double{g[i]};
}

}  // namespace

void MaskGradient::fields(FieldVisitor& v) {
  v.field("batches", batches_, "training batches that the mean is of", {1, 100000});
  v.field("normalise", normalise_, "scores of a layer by their l2 norm, as the paper does for heads",
          {"none", "layer"});
}

void MaskGradient::measure(const ScoringData& data, std::span<nn::Parameter* const>) {
  const Untouched untouched(data.model);
  data.model.eval();
  column_sums_.clear();
  for (std::int64_t i = 0; i < batches_; ++i) {
    data.model.zero_grad();
    data.loss(i).backward();
    for (const nn::Parameter* parameter : data.model.parameters())
      add_batch(*parameter, column_sums_[parameter->name]);
  }
}

Tensor MaskGradient::structure_scores(const std::vector<MaskVariable>& variables) {
  std::vector<double> scores(variables.size(), 0.0);
  double squares = 0.0;
  for (std::size_t v = 0; v < variables.size(); ++v) {
    for (std::int64_t batch = 0; batch < batches_; ++batch) {
      double gradient = 0.0;
      for (const Multiplied& multiplied : variables[v]) {
        const double* sums = column_sums_.at(multiplied.parameter->name).data() +
                             batch * columns_of(multiplied.parameter->value.shape());
        for (const std::int64_t position : multiplied.positions) gradient += sums[position];
      }
      scores[v] += std::abs(gradient) / static_cast<double>(batches_);
    }
    squares += scores[v] * scores[v];
  }
  const double norm = normalise_ == "layer" && squares > 0.0 ? std::sqrt(squares) : 1.0;
  Tensor result = Tensor::empty({static_cast<std::int64_t>(scores.size())});
  for (std::size_t v = 0; v < scores.size(); ++v) result.data()[v] = static_cast<float>(scores[v] / norm);
  return result;
}

Tensor MaskGradient::scores(const nn::Parameter& parameter) {
  fail(ErrorKind::usage, "mask_gradient",
       "it scores heads, neurons, channels and branches, not the weights of {}", parameter.name);
}

}  // namespace espalier::pruning
