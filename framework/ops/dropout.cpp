#include "framework/ops/dropout.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/core/random.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor dropout(const Tensor& x, float p, bool training, std::uint64_t seed, std::uint64_t stream) {
  check(p >= 0.0f && p < 1.0f, "dropout", "p expects a probability of 0 or more and below 1, got {}", p);
  if (!training || p == 0.0f) return x;
  const kernels::DropoutParams params{.key = Random(seed, "dropout", stream).next_u64(), .probability = p};
  Tensor y = Tensor::empty_like(x);
  kernels::eltwise().dropout(x.data(), y.data(), x.storage_elements(), params);
  // Nothing is saved: the key draws the same mask again.
  return record("dropout", {x}, y, [params](Backward& b) {
    Tensor dx = b.grad_memory();
    kernels::eltwise().dropout(b.grad().data(), dx.data(), dx.storage_elements(), params);
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
