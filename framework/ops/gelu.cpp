#include "framework/ops/gelu.h"

#include "framework/autograd/node.h"
#include "framework/ops/elementwise.h"

namespace espalier::ops {

Tensor gelu(const Tensor& x, Gelu formula) {
  const Tensor y = map_elements(x, "gelu", [formula](const auto& kernels) {
    return formula == Gelu::erf ? kernels.gelu_fwd : kernels.gelu_tanh_fwd;
  });
  // Not monotonic: only the input tells the slope.
  return record("gelu", {x}, y, [x = x.detach(), formula](Backward& b) {
    b.give(0, map_gradient(b, x, [formula](const auto& kernels) {
             return formula == Gelu::erf ? kernels.gelu_bwd : kernels.gelu_tanh_bwd;
           }));
  });
}

}  // namespace espalier::ops
