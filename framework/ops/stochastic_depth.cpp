#include "framework/ops/stochastic_depth.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/ops/checks.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {
namespace {

// 0 or 1 / (1 - p) for each image: f32 lanes [N].
Tensor draw_factors(std::int64_t n, float p, std::uint64_t seed, std::uint64_t stream) {
  Tensor factors = Tensor::zeros({n}, Layout::lanes);
  Random random(seed, "stochastic_depth", stream);
  for (std::int64_t i = 0; i < n; ++i) factors.data()[i] = random.uniform() < p ? 0.0f : 1.0f / (1.0f - p);
  return factors;
}

// dst = src * the image's factor
void multiply_images(const Tensor& src, const Tensor& factors, Tensor& dst) {
  const std::int64_t vectors = src.storage_elements() / (src.groups() * kernels::kLanes);
  const kernels::LaneShape shape = {.N = src.dim(0), .HW = vectors, .P = vectors};
  with_element(src.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().binary_plane(kernels::BinaryOp::mul, false, shape, src.data<T>(), factors.data(),
                                       dst.data<T>());
  });
}

}  // namespace

Tensor stochastic_depth(const Tensor& x, float p, bool training, std::uint64_t seed, std::uint64_t stream) {
  constexpr const char* op = "stochastic_depth";
  check(p >= 0.0f && p < 1.0f, op, "p expects a probability of 0 or more and below 1, got {}", p);
  check(is_activation(x), op, "x expects activations in lanes, got {}", describe(x));
  if (!training || p == 0.0f || x.numel() == 0) return x;
  const Tensor factors = draw_factors(x.dim(0), p, seed, stream);
  Tensor y = Tensor::empty_like(x);
  multiply_images(x, factors, y);
  return record(op, {x}, y, [factors](Backward& b) {
    Tensor dx = b.grad_memory();
    multiply_images(b.grad(), factors, dx);
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
