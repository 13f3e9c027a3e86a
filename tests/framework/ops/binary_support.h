// What add, sub, mul and div promise alike: which shapes they broadcast, their gradients there, and what they
// refuse.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

namespace espalier::testing {

struct BinaryOp {
  std::string name;
  Tensor (*apply)(const Tensor& a, const Tensor& b);
  // Second operands at which the gradient is smooth.
  std::function<Tensor(const Shape&, Layout)> second = [](const Shape& shape, Layout layout) {
    return random_tensor(shape, layout, 2);
  };

  Tensor operator()(const std::vector<Tensor>& in) const { return apply(in[0], in[1]); }
};

inline void check_binary_gradients(const BinaryOp& op) {
  const auto check_pair = [&](const Shape& a, Layout layout_a, const Shape& b, Layout layout_b) {
    CAPTURE(a.str());
    CAPTURE(b.str());
    check_gradients(op, {random_tensor(a, layout_a, 1), op.second(b, layout_b)});
  };
  const Layout lanes = Layout::lanes, plain = Layout::plain;
  for (const Shape& shape :
       {Shape{1, 3, 5, 5}, Shape{5, 7}, Shape{16, 2, 2, 3}, Shape{17, 3, 4}, Shape{17}}) {
    check_pair(shape, lanes, shape, lanes);
    check_pair(shape, lanes, {}, plain);
  }
  check_pair({17, 3, 4, 4}, lanes, {3, 1, 1}, plain);
  check_pair({4, 3}, plain, {5, 4, 3}, lanes);
  check_pair({5, 3, 2, 2}, lanes, {2, 2}, plain);
  check_pair({5, 3, 1, 1}, lanes, {5, 3, 4, 3}, lanes);
  check_pair({17, 3, 1, 2}, lanes, {17, 1, 4, 1}, lanes);
  check_pair({3, 1, 5}, plain, {4, 1}, plain);
}

inline void check_binary_goldens(const BinaryOp& op) {
  for (const char* golden : {"equal lanes", "a value a plane", "a value a plane first", "both broadcast",
                             "lanes and a channel's parameter", "a token's parameter and lanes", "plain"}) {
    check_golden(op.name + ": " + golden, op);
  }
}

inline void check_binary_refusals(const BinaryOp& op) {
  const Tensor x = random_tensor({4, 3}, Layout::lanes, 1);
  const std::string where = "[" + op.name + "]";
  CHECK_THROWS_WITH_AS(op.apply(x, random_tensor({5, 3}, Layout::lanes, 1)), doctest::Contains(where.c_str()),
                       Error);
  const std::string plain_batch = where +
                                  " a plain tensor beside activations expects no batch, got lanes [4, 3] and "
                                  "plain [4, 3]; convert it with to_lanes";
  CHECK_THROWS_WITH_AS(op.apply(x, random_tensor({4, 3}, Layout::plain, 1)), plain_batch.c_str(), Error);
}

}  // namespace espalier::testing
