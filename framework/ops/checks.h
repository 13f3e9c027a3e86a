// What operations ask of their inputs, and how they say it.
#pragma once

#include <string_view>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// Is x in lanes, of f32 or bf16?
bool is_activation(const Tensor& x);

// Is x what operations compute with: an activation, or a plain tensor of f32?
bool is_operand(const Tensor& x);

// Throws unless x is one.
void check_operand(const Tensor& x, std::string_view op);

// Throws unless x is an activation, of f32 or bf16 in lanes, of `rank` dimensions, described by `dimensions`:
// "[N, IC, H, W]".
void check_activation(const Tensor& x, int rank, std::string_view op, std::string_view name,
                      std::string_view dimensions);

// Throws unless p is a plain f32 tensor of exactly this shape.
void check_parameter(const Tensor& p, const Shape& shape, std::string_view op, std::string_view name);

// "lanes [16, 3, 32, 32]", "plain i32 [10]", "nothing" for an undefined tensor
std::string describe(const Tensor& t);

}  // namespace espalier::ops
