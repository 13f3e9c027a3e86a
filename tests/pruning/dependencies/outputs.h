// What a model computes, and whether a network with less in it computes the same.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "framework/autograd/node.h"
#include "framework/nn/module.h"
#include "tests/support/keep_largest.h"

namespace espalier::testing {

inline std::vector<float> outputs(nn::Module& model, const Tensor& images) {
  const NoGrad off;
  model.eval();
  return model(images).to_vector();
}

// Sums over fewer features are made in another order, by another kernel: relative to the largest output.
inline void check_equal(const std::vector<float>& a, const std::vector<float>& b, double tolerance = 2e-5) {
  REQUIRE(a.size() == b.size());
  double largest = 0.0, difference = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(double{a[i]}));
    keep_largest(difference, std::abs(double{a[i]} - double{b[i]}));
  }
  CHECK(difference <= tolerance * largest);
}

}  // namespace espalier::testing
