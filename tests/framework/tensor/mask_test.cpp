#include "framework/tensor/mask.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"

using namespace espalier;

TEST_CASE("a mask is applied to and checked on values of its own shape alone") {
  const Mask mask = Mask::ones({2, 3});
  Tensor fits = Tensor::full({2, 3}, 1.0f), shorter = Tensor::full({2, 2}, 1.0f),
         longer = Tensor::full({2, 4}, 1.0f), lanes = Tensor::full({2, 3}, 1.0f, Layout::lanes);
  CHECK(mask.holds(fits));
  for (Tensor* other : {&shorter, &longer, &lanes}) {
    CHECK_THROWS_AS(mask.holds(*other), Error);
    CHECK_THROWS_AS(mask.apply_(*other), Error);
    CHECK(Mask().holds(*other));
  }
}
