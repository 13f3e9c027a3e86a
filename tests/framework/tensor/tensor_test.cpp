#include "framework/tensor/tensor.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"

using namespace espalier;

TEST_CASE("a gradient is of its tensor's shape, layout and type") {
  Tensor weight = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH_AS(weight.set_grad(Tensor::zeros({3, 2})),
                       "[set_grad] expected a f32 gradient of shape [2, 3], got f32 of shape [3, 2]", Error);
  CHECK_THROWS_AS(weight.set_grad(Tensor::zeros({2, 3}, Layout::lanes)), Error);
  CHECK_THROWS_AS(weight.set_grad(Tensor::zeros({2, 3}, Layout::plain, DType::i32)), Error);
  CHECK_FALSE(weight.grad().defined());
  weight.set_grad(Tensor::zeros({2, 3}));
  weight.set_grad({});
  CHECK_FALSE(weight.grad().defined());
}

TEST_CASE("a tensor whose elements or bytes cannot be counted is refused") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  CHECK_THROWS_AS(Tensor::full({kHuge}, 1.0f), Error);  // 2^64 bytes
  CHECK_THROWS_AS(Tensor::empty({kHuge, 4}, Layout::plain, DType::u8), Error);
  CHECK_THROWS_AS(Tensor::empty({1, kHuge}, Layout::lanes), Error);
  CHECK_THROWS_AS(Tensor::empty({1, 2, kHuge, 4}, Layout::lanes), Error);
  CHECK_THROWS_AS(Tensor::empty({1, kHuge, 0, 0}, Layout::lanes), Error);  // a vector of padding each
  CHECK_THROWS_AS(Tensor::scalar(1.0f).view({kHuge, 4}), Error);
}
