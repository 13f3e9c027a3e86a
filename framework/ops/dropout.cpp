#include "framework/ops/dropout.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/ops/checks.h"
#include "framework/tensor/element.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {
namespace {

void drop(const Tensor& x, const kernels::DropoutParams& params, Tensor& y) {
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().dropout(x.data<T>(), y.data<T>(), x.storage_elements(), params);
  });
}

}  // namespace

Tensor dropout(const Tensor& x, float p, bool training, std::uint64_t seed, std::uint64_t stream) {
  check_operand(x, "dropout");
  check(p >= 0.0f && p < 1.0f, "dropout", "p expects a probability of 0 or more and below 1, got {}", p);
  if (!training || p == 0.0f) return x;
  const kernels::DropoutParams params{.key = Random(seed, "dropout", stream).next_u64(), .probability = p};
  Tensor y = Tensor::empty_like(x);
  drop(x, params, y);
  // Nothing is saved: the key draws the same mask again.
  return record("dropout", {x}, y, [params](Backward& b) {
    Tensor dx = b.grad_memory();
    drop(b.grad(), params, dx);
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
