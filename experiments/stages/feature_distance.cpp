#include "experiments/stages/feature_distance.h"

#include "framework/ops/add_scalar.h"
#include "framework/ops/div.h"
#include "framework/ops/flatten.h"
#include "framework/ops/mean.h"
#include "framework/ops/mul.h"
#include "framework/ops/scale.h"
#include "framework/ops/sqrt.h"
#include "framework/ops/sub.h"
#include "framework/ops/sum.h"
#include "framework/ops/to_dtype.h"

namespace espalier {
namespace {

// A map that is zero everywhere stays so, with gradients of 0.
constexpr float kLeastSquare = 1e-12f;

Tensor square(const Tensor& x) { return ops::mul(x, x); }

// [N, C, H, W] or [N, T, C] -> [N, positions]
Tensor attention_map(const Tensor& x) {
  const int channels = x.rank() == 4 ? 1 : 2;
  const Tensor q = ops::flatten(ops::mean(square(ops::to_dtype(x, DType::f32)), {channels}));
  const Tensor squared_length = ops::sum(square(q), {1}, /*keepdim=*/true);
  return ops::div(q, ops::sqrt(ops::add_scalar(squared_length, kLeastSquare)));
}

}  // namespace

Tensor attention_distance(const Tensor& student, const Tensor& teacher) {
  const Tensor difference = ops::sub(attention_map(student), attention_map(teacher));
  return ops::scale(ops::sum(square(difference)), 1.0f / static_cast<float>(student.dim(0)));
}

Tensor hint_distance(const Tensor& student, const Tensor& teacher) {
  const Tensor difference = ops::sub(ops::to_dtype(student, DType::f32), ops::to_dtype(teacher, DType::f32));
  return ops::mean(square(difference));
}

}  // namespace espalier
