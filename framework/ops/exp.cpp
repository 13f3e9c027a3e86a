#include "framework/ops/exp.h"

#include "framework/autograd/node.h"
#include "framework/ops/elementwise.h"
#include "framework/tensor/lanes.h"

namespace espalier::ops {

Tensor exp(const Tensor& x) {
  Tensor y = map_elements(x, "exp", [](const auto& kernels) { return kernels.exp_fwd; });
  clear_padding_lanes(y);  // e^x may overflow there
  // d e^x / dx = e^x: the output is kept, not the input.
  return record("exp", {x}, y, [y = y.detach()](Backward& b) {
    b.give(0, map_gradient(b, y, [](const auto& kernels) { return kernels.exp_bwd; }));
  });
}

}  // namespace espalier::ops
