#include "framework/ops/checks.h"

#include "framework/core/error.h"

namespace espalier::ops {

std::string describe(const Tensor& t) {
  if (!t.defined()) return "nothing";
  std::string text = t.is_lanes() ? "lanes " : "plain ";
  if (t.dtype() != DType::f32) text.append(dtype_name(t.dtype())).append(" ");
  return text + t.shape().str();
}

bool is_activation(const Tensor& x) {
  return x.defined() && x.is_lanes() && (x.dtype() == DType::f32 || x.dtype() == DType::bf16);
}

bool is_operand(const Tensor& x) {
  return is_activation(x) || (x.defined() && !x.is_lanes() && x.dtype() == DType::f32);
}

void check_operand(const Tensor& x, std::string_view op) {
  check(is_operand(x), op, "x expects an activation or a plain f32 tensor, got {}", describe(x));
}

void check_activation(const Tensor& x, int rank, std::string_view op, std::string_view name,
                      std::string_view dimensions) {
  const bool only_layout = x.defined() && !x.is_lanes() && x.dtype() == DType::f32 && x.rank() == rank;
  check(is_activation(x) && x.rank() == rank, op, "{} expects {} in lanes, got {}{}", name, dimensions,
        describe(x), only_layout ? "; convert it with to_lanes" : "");
}

void check_parameter(const Tensor& p, const Shape& shape, std::string_view op, std::string_view name) {
  const bool fits = p.defined() && p.dtype() == DType::f32 && p.shape() == shape;
  check(fits && !p.is_lanes(), op, "{} expects plain {}, got {}", name, shape.str(), describe(p));
}

}  // namespace espalier::ops
