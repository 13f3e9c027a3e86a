#include "framework/ops/sqrt.h"

#include "framework/autograd/node.h"
#include "framework/ops/elementwise.h"
#include "framework/tensor/lanes.h"

namespace espalier::ops {

Tensor sqrt(const Tensor& x) {
  Tensor y = map_elements(x, "sqrt", [](const auto& kernels) { return kernels.sqrt_fwd; });
  clear_padding_lanes(y);
  // d sqrt(x) / dx = 1 / (2 sqrt(x)): the output is kept, not the input.
  return record("sqrt", {x}, y, [y = y.detach()](Backward& b) {
    Tensor dx = map_gradient(b, y, [](const auto& kernels) { return kernels.sqrt_bwd; });
    clear_padding_lanes(dx);  // 0 / 0 there
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
