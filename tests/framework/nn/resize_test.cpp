#include "framework/nn/resize.h"

#include <doctest/doctest.h>

#include "framework/nn/modules/linear.h"

using namespace espalier;

TEST_CASE("a parameter that is replaced keeps nothing of the old shape") {
  nn::Linear linear(4, 3);
  nn::Parameter& weight = linear.weight();
  weight.mask = Mask::ones({3, 4});
  weight.dormant = Tensor::zeros({3, 4});
  weight.value.set_grad(Tensor::zeros({3, 4}));
  nn::replace_(weight, Tensor::zeros({2, 4}));
  CHECK(weight.resized);
  CHECK(weight.mask.dense());
  CHECK_FALSE(weight.dormant.defined());
  CHECK_FALSE(weight.has_gradient());
}
