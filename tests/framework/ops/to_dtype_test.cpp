#include "framework/ops/to_dtype.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/tensor/lanes.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::random_tensor;

namespace {

Tensor there_and_back(const std::vector<Tensor>& in) {
  return ops::to_dtype(ops::to_dtype(in[0], DType::bf16), DType::f32);
}

}  // namespace

// Rounding has steps and no derivative to compare with: the gradient is defined as that of x itself.
TEST_CASE("to_dtype: gradient") {
  for (const Shape& shape : {Shape{1, 3, 5, 5}, Shape{5, 7}, Shape{16, 2, 2, 3}, Shape{17, 3, 4}}) {
    CAPTURE(shape.str());
    Tensor x = random_tensor(shape, Layout::lanes, 1).set_requires_grad();
    const Tensor y = there_and_back({x}), weights = random_tensor(shape, Layout::lanes, 2);
    testing::backward_with(y, weights);
    CHECK(y.dtype() == DType::f32);
    CHECK(y.to_vector() == converted(x.detach(), DType::bf16).to_vector());
    CHECK(x.grad().dtype() == DType::f32);
    CHECK(x.grad().to_vector() == converted(weights, DType::bf16).to_vector());
  }
}

TEST_CASE("to_dtype: PyTorch's values") { check_golden("to_dtype", there_and_back); }

TEST_CASE("to_dtype gives back what has the type already, and refuses what is no activation") {
  const Tensor x = random_tensor({2, 3}, Layout::lanes, 1);
  CHECK(ops::to_dtype(x, DType::f32).id() == x.id());
  CHECK_THROWS_WITH_AS(ops::to_dtype(Tensor::zeros({2, 3}), DType::bf16),
                       "[to_dtype] x expects activations in lanes, got plain [2, 3]", Error);
  CHECK_THROWS_WITH_AS(ops::to_dtype(x, DType::i32), "[to_dtype] expected f32 or bf16, got i32", Error);
}

TEST_CASE("tensors of bf16 go into lanes and back, are filled and read") {
  for (const Shape& shape : {Shape{17, 3, 2, 2}, Shape{5, 3, 4}, Shape{16, 7}}) {
    const Tensor plain = random_tensor(shape, Layout::plain, 1);
    const Tensor lanes = to_lanes(plain, DType::bf16);
    CHECK(lanes.dtype() == DType::bf16);
    CHECK(lanes.to_vector() == converted(plain, DType::bf16).to_vector());
    CHECK(from_lanes(lanes).to_vector() == lanes.to_vector());
    CHECK(converted(lanes, DType::f32).to_vector() == lanes.to_vector());
    CHECK(lanes.clone().to_vector() == lanes.to_vector());
  }
  CHECK(Tensor::full({3, 2}, 1.5f, Layout::lanes, DType::bf16).to_vector() == std::vector<float>(6, 1.5f));
}
