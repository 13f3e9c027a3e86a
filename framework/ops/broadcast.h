// Operations on two tensors under broadcasting, outside any graph: forward and backward of add, sub, mul and
// div.
//
// Plain tensors broadcast among themselves by NumPy's rules. Lanes broadcast with lanes of the same rank,
// batch and type, and with plain tensors, which are f32, have no batch and so repeat over it. The result is
// of the lanes' type.
#pragma once

#include "framework/tensor/tensor.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

// a op b. Throws Error, in the name of `op_name`, when the two do not broadcast.
Tensor binary(kernels::BinaryOp op, const Tensor& a, const Tensor& b, const char* op_name);

// t repeated to a larger shape and layout; t itself where nothing has to be. Lanes keep their type; plain f32
// is rounded where it becomes lanes of bf16.
Tensor expand(const Tensor& t, const Shape& shape, Layout layout, DType dtype);

// The sum over whatever expand() repeats: turns the gradient of a result into that of an operand.
Tensor reduce_to(const Tensor& gradient, const Shape& shape, Layout layout);

}  // namespace espalier::ops
