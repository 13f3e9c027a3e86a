#include "framework/ops/linear.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/framework/ops/sparse_passes_support.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

Tensor run(const std::vector<Tensor>& in) {
  return ops::linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor());
}

}  // namespace

TEST_CASE("linear: gradient") {
  for (const Shape& x : {Shape{1, 3}, Shape{5, 17}, Shape{16, 8}, Shape{17, 5}, Shape{17, 3, 7}}) {
    CAPTURE(x.str());
    check_gradients(run, {random_tensor(x, Layout::lanes, 1), random_tensor({9, x[-1]}, Layout::plain, 2),
                          random_tensor({9}, Layout::plain, 3)});
    check_gradients(run, {random_tensor(x, Layout::lanes, 1), random_tensor({4, x[-1]}, Layout::plain, 2)});
  }
}

TEST_CASE("linear: sparse passes give what dense ones give for masked weights") {
  const Shape shape = {9, 22};
  Mask mask = Mask::ones(shape);
  for (std::int64_t i = 0; i < shape.numel(); ++i) mask.data()[i] = i % 5 == 2 || i < 30 ? 1 : 0;
  for (const Shape& x_shape : {Shape{5, 22}, Shape{17, 9, 22}}) {
    CAPTURE(x_shape.str());
    // Sums of at most 153 products of order 1: a few epsilons of their size.
    testing::check_sparse_passes(mask, 3e-5, [&](const ops::SparsePasses& sparse) {
      return testing::run_masked_layer(mask, x_shape, shape, sparse,
                                       [&](const Tensor& x, const Tensor& weight, const Tensor& bias) {
                                         return ops::linear(x, weight, bias, sparse);
                                       });
    });
  }
}

TEST_CASE("linear: a pattern of other weights is refused") {
  const Tensor x = random_tensor({2, 8}, Layout::lanes, 1), weight = random_tensor({4, 8}, Layout::plain, 2);
  const auto pattern = std::make_shared<const SparsePattern>(Mask::ones({8, 4}), 1);
  CHECK_THROWS_WITH_AS(ops::linear(x, weight, {}, {.pattern = pattern, .forward = true}),
                       "[linear] sparse passes expect a pattern of the weight's shape [4, 8], got [8, 4]",
                       Error);
}

TEST_CASE("linear: PyTorch's values") {
  check_golden("linear: images", run);
  check_golden("linear: tokens, no bias", run);
}

TEST_CASE("linear says what does not fit") {
  const Tensor x = random_tensor({2, 8}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(ops::linear(x, Tensor::zeros({4, 6})),
                       "[linear] weight expects 8 input features, got 6; was x flattened?", Error);
  CHECK_THROWS_WITH_AS(ops::linear(random_tensor({2, 2, 2, 2}, Layout::lanes, 1), Tensor::zeros({4, 8})),
                       "[linear] x expects [N, IC] or [N, T, IC] in lanes, got lanes [2, 2, 2, 2]", Error);
  CHECK_THROWS_WITH_AS(ops::linear(x, Tensor::zeros({4, 8}), Tensor::zeros({5})),
                       "[linear] bias expects plain [4], got plain [5]", Error);
}
