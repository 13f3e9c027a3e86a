#include "framework/ops/relu.h"

#include "framework/autograd/node.h"
#include "framework/ops/elementwise.h"

namespace espalier::ops {

Tensor relu(const Tensor& x) {
  const Tensor y = map_elements(x, "relu", [](const auto& kernels) { return kernels.relu_fwd; });
  // The output tells where x > 0, so the input need not be kept.
  return record("relu", {x}, y, [y = y.detach()](Backward& b) {
    b.give(0, map_gradient(b, y, [](const auto& kernels) { return kernels.relu_bwd; }));
  });
}

}  // namespace espalier::ops
