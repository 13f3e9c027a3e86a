// Functions of one element, outside any graph: what relu, gelu, exp, log and sqrt have in common. Each picks
// its kernel by a function, since kernels::EltwiseKernels has one for each type of element:
//
//   [](const auto& kernels) { return kernels.relu_fwd; }
#pragma once

#include <string_view>

#include "framework/autograd/node.h"
#include "framework/ops/checks.h"
#include "framework/tensor/element.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

// f(x), in the padding lanes too, by a forward kernel. Throws Error, in the name of `op`, unless x is an
// operand (checks.h).
template <class PickKernel>
Tensor map_elements(const Tensor& x, std::string_view op, const PickKernel& pick) {
  check_operand(x, op);
  Tensor y = Tensor::empty_like(x);
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    pick(kernels::eltwise<T>())(x.data<T>(), y.data<T>(), x.storage_elements());
  });
  return y;
}

// The gradient of the input by a backward kernel, from what the operation saved: its input or its output.
template <class PickKernel>
Tensor map_gradient(const Backward& b, const Tensor& saved, const PickKernel& pick) {
  Tensor dx = b.grad_memory();
  with_element(dx.dtype(), [&](auto element) {
    using T = decltype(element);
    pick(kernels::eltwise<T>())(saved.data<T>(), b.grad().data<T>(), dx.data<T>(), dx.storage_elements());
  });
  return dx;
}

}  // namespace espalier::ops
