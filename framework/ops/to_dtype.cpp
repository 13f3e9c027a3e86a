#include "framework/ops/to_dtype.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/tensor/lanes.h"

namespace espalier::ops {

Tensor to_dtype(const Tensor& x, DType dtype) {
  constexpr const char* op = "to_dtype";
  check(is_activation(x), op, "x expects activations in lanes, got {}", describe(x));
  check(dtype == DType::f32 || dtype == DType::bf16, op, "expected f32 or bf16, got {}", dtype_name(dtype));
  if (x.dtype() == dtype) return x;
  return record(op, {x}, converted(x, dtype),
                [before = x.dtype()](Backward& b) { b.give(0, converted(b.grad(), before)); });
}

}  // namespace espalier::ops
