// The way from a tensor's DType to the type that kernels over activations are compiled for.
#pragma once

#include "framework/core/error.h"
#include "framework/tensor/dtype.h"

namespace espalier {

// body(element), where the argument's type is what elements of `dtype` are in memory: float, or
// kernels::Bf16.
//
//   with_element(x.dtype(), [&](auto element) {
//     using T = decltype(element);
//     kernels::eltwise<T>().relu_fwd(x.data<T>(), y.data<T>(), x.storage_elements());
//   });
//
// Throws Error for the types that no activation has.
template <class Body>
auto with_element(DType dtype, const Body& body) {
  check(dtype == DType::f32 || dtype == DType::bf16, "tensor", "expected elements of f32 or bf16, got {}",
        dtype_name(dtype));
  return dtype == DType::bf16 ? body(kernels::Bf16{}) : body(0.0f);
}

}  // namespace espalier
