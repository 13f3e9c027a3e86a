// What log and sqrt promise alike: gradients where the input is positive, and nothing from the padding lanes,
// whose zeros they would make infinite.
#pragma once

#include <doctest/doctest.h>

#include "framework/tensor/lanes.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

namespace espalier::testing {

using UnaryOp = Tensor (*)(const Tensor& x);

inline void check_gradients_of_positive(UnaryOp op) {
  for (const Shape& shape : {Shape{1, 3, 5, 5}, Shape{5, 7}, Shape{16, 2, 2, 3}, Shape{17, 3, 4}}) {
    CAPTURE(shape.str());
    for (Layout layout : {Layout::lanes, Layout::plain}) {
      Tensor x = random_tensor(shape, layout, 1, 0.3f);
      for (std::int64_t i = 0; i < x.storage_elements(); ++i) x.data()[i] = 1.0f + x.data()[i] * x.data()[i];
      check_gradients([op](const std::vector<Tensor>& in) { return op(in[0]); }, {x});
    }
  }
}

// The padding lanes of a batch of 5 are 0: what the op makes of them must not reach a sum over the batch.
inline void check_padding_lanes_stay_zero(UnaryOp op) {
  Tensor x = to_lanes(Tensor::full({5, 2}, 4.0f));
  x.set_requires_grad();
  const Tensor y = op(x);
  backward_with(y, to_lanes(Tensor::full({5, 2}, 1.0f)));
  for (const Tensor& t : {y, x.grad()}) {
    for (std::int64_t i = 0; i < t.storage_elements(); ++i) {
      if (i % 16 >= 5) CHECK(t.data()[i] == 0.0f);
    }
  }
}

}  // namespace espalier::testing
