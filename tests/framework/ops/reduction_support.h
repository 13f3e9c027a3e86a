// What sum and mean promise alike: gradients over any choice of dimensions, in lanes and plain.
#pragma once

#include <doctest/doctest.h>

#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

namespace espalier::testing {

struct Reduction {
  Tensor (*all)(const Tensor& x);
  Tensor (*over)(const Tensor& x, const std::vector<int>& dimensions, bool keepdim);

  auto run_all() const {
    return [*this](const std::vector<Tensor>& in) { return all(in[0]); };
  }
  auto run(std::vector<int> dimensions, bool keepdim = false) const {
    return [*this, dimensions, keepdim](const std::vector<Tensor>& in) {
      return over(in[0], dimensions, keepdim);
    };
  }
};

inline void check_reduction_gradients(const Reduction& op) {
  for (const Shape& shape : {Shape{1, 3, 5, 5}, Shape{5, 7, 2, 4}, Shape{16, 2, 2, 3}, Shape{17, 3, 3, 2}}) {
    CAPTURE(shape.str());
    const Tensor x = random_tensor(shape, Layout::lanes, 1), p = random_tensor(shape, Layout::plain, 2);
    for (const Tensor& t : {x, p}) {
      check_gradients(op.run_all(), {t});
      for (bool keepdim : {false, true}) {
        check_gradients(op.run({2, 3}, keepdim), {t});
        check_gradients(op.run({1}, keepdim), {t});
        check_gradients(op.run({-1}, keepdim), {t});
        check_gradients(op.run({0, 2, 3}, keepdim), {t});
        check_gradients(op.run({0}, keepdim), {t});
      }
    }
  }
  check_gradients(op.run({1}), {random_tensor({17, 4, 5}, Layout::lanes, 1)});
}

}  // namespace espalier::testing
