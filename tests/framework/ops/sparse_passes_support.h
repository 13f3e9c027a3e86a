// What conv2d and linear promise alike: sparse passes, whichever of the three, give what dense ones give for
// masked weights.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "framework/ops/sparse_passes.h"
#include "tests/support/gradient_check.h"
#include "tests/support/keep_largest.h"

namespace espalier::testing {

// The layer's output for a masked weight, and the gradients of all its operands.
using SparseRun = std::function<std::vector<Tensor>(const ops::SparsePasses&)>;

inline void check_sparse_passes(const Mask& mask, double tolerance, const SparseRun& run) {
  const std::vector<Tensor> expected = run({});
  for (int block : {1, 4}) {
    const auto pattern = std::make_shared<const SparsePattern>(mask, block);
    for (int passes = 1; passes < 8; ++passes) {
      CAPTURE(block);
      CAPTURE(passes);
      const std::vector<Tensor> actual =
          run({pattern, (passes & 1) != 0, (passes & 2) != 0, (passes & 4) != 0});
      for (std::size_t t = 0; t < expected.size(); ++t) {
        const std::vector<float> a = actual[t].to_vector(), e = expected[t].to_vector();
        double worst = 0.0;
        for (std::size_t i = 0; i < e.size(); ++i) keep_largest(worst, std::abs(double{a[i]} - double{e[i]}));
        CHECK(worst <= tolerance);
      }
    }
  }
}

// Runs a layer, `apply(x, weight, bias)`, and its backward on leaves of these shapes.
template <class Apply>
std::vector<Tensor> run_masked_layer(const Mask& mask, const Shape& x_shape, const Shape& weight_shape,
                                     const ops::SparsePasses& sparse, const Apply& apply) {
  Tensor x = random_tensor(x_shape, Layout::lanes, 1), weight = random_tensor(weight_shape, Layout::plain, 2);
  Tensor bias = random_tensor({weight_shape[0]}, Layout::plain, 3);
  mask.apply_(weight);
  for (Tensor* leaf : {&x, &weight, &bias}) leaf->set_requires_grad();
  const Tensor y = apply(x, weight, bias);
  backward_with(y, random_tensor(y.shape(), Layout::lanes, 4));
  Tensor dweight = weight.grad();
  // Kept positions only; blocks of channels keep some that the mask does not.
  if (sparse.backward_weights) CHECK(mask.holds(dweight) == (sparse.pattern->block_size() == 1));
  mask.apply_(dweight);
  return {y.detach(), x.grad(), dweight, bias.grad()};
}

}  // namespace espalier::testing
