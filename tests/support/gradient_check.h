// Is an operation's backward the derivative of its forward? Compared with central differences, extrapolated
// by Richardson so that single precision suffices:  d(h) = (f(x+h) - f(x-h)) / 2h,  (4 d(h/2) - d(h)) / 3 =
// f'(x) + O(h^4).
#pragma once

#include <functional>
#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier::testing {

struct GradientCheckOptions {
  // h. f is summed in double over the output, so what limits accuracy is its f32 rounding, eps/h,
  // and the remaining h^4: near 1e-2 both are small.
  double step = 1e-2;
  // Largest difference allowed, relative to the largest derivative of the input.
  double tolerance = 2e-3;
  int elements_per_input = 24;  // chosen at random when there are more
};

// Calls f on `inputs` (made leaves), takes the inner product of its output with fixed random weights, and
// compares all inputs' gradients. Plain doctest assertions report the input and element that disagree.
void check_gradients(const std::function<Tensor(const std::vector<Tensor>&)>& f, std::vector<Tensor> inputs,
                     const GradientCheckOptions& options = {});

// Walks the tape from y as if dL/dy were `gradient`.
void backward_with(const Tensor& y, const Tensor& gradient);

// Normal random values, plain or in lanes (padding lanes zero), from a seed.
Tensor random_tensor(const Shape& shape, Layout layout, std::uint64_t seed, float scale = 1.0f);

}  // namespace espalier::testing
