#include "framework/ops/log.h"

#include "framework/autograd/node.h"
#include "framework/ops/elementwise.h"
#include "framework/tensor/lanes.h"

namespace espalier::ops {

Tensor log(const Tensor& x) {
  Tensor y = map_elements(x, "log", [](const auto& kernels) { return kernels.log_fwd; });
  clear_padding_lanes(y);  // where x may be 0
  // d ln x / dx = 1 / x
  return record("log", {x}, y, [x = x.detach()](Backward& b) {
    Tensor dx = map_gradient(b, x, [](const auto& kernels) { return kernels.log_bwd; });
    clear_padding_lanes(dx);
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
