#include "framework/ops/conv2d.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "framework/core/error.h"
#include "framework/ops/add.h"
#include "framework/ops/scale.h"
#include "tests/framework/ops/sparse_passes_support.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using ops::Conv2dOptions;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

struct Case {
  Shape x, weight;
  bool bias;
  Conv2dOptions options;
};

void check_case(const Case& c) {
  CAPTURE(c.x.str());
  CAPTURE(c.weight.str());
  std::vector<Tensor> inputs = {random_tensor(c.x, Layout::lanes, 1),
                                random_tensor(c.weight, Layout::plain, 2)};
  if (c.bias) inputs.push_back(random_tensor({c.weight[0]}, Layout::plain, 3));
  check_gradients(
      [&](const std::vector<Tensor>& in) {
        return ops::conv2d(in[0], in[1], c.bias ? in[2] : Tensor(), c.options);
      },
      inputs);
}

}  // namespace

TEST_CASE("conv2d: gradient") {
  const Conv2dOptions padded{.padding_h = 1, .padding_w = 1};
  const Conv2dOptions strided{.stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1};
  check_case({{1, 3, 5, 5}, {4, 3, 3, 3}, true, padded});
  check_case({{5, 7, 6, 3}, {5, 7, 3, 3}, false, padded});
  check_case({{16, 4, 4, 4}, {8, 4, 3, 3}, false, padded});
  check_case({{17, 5, 7, 6}, {3, 5, 3, 3}, true, strided});
  check_case({{5, 3, 5, 7}, {9, 3, 1, 1}, false, {.stride_h = 2, .stride_w = 2}});
  check_case({{3, 6, 5, 5}, {4, 3, 3, 2}, true, {.padding_h = 1, .padding_w = 0, .groups = 2}});
  check_case({{17, 4, 4, 5}, {4, 1, 3, 3}, false, {.padding_h = 1, .padding_w = 1, .groups = 4}});
}

// As in a ResNet's block that changes size: what comes back to h first, the second convolution adds to in
// place.
TEST_CASE("conv2d: an activation of two uses gets the sum of both gradients") {
  for (const int stride : {1, 2}) {
    const Conv2dOptions wide{.stride_h = stride, .stride_w = stride, .padding_h = 1, .padding_w = 1};
    const Conv2dOptions pointwise{.stride_h = stride, .stride_w = stride};
    for (const bool pointwise_first : {false, true}) {
      check_gradients(
          [&](const std::vector<Tensor>& in) {
            const Tensor h = ops::scale(in[0], 1.5f);
            const auto conv3 = [&] { return ops::conv2d(h, in[1], {}, wide); };
            const auto conv1 = [&] { return ops::conv2d(h, in[2], {}, pointwise); };
            const Tensor first = pointwise_first ? conv1() : conv3();
            return ops::add(first, pointwise_first ? conv3() : conv1());
          },
          {random_tensor({17, 16, 6, 6}, Layout::lanes, 1), random_tensor({9, 16, 3, 3}, Layout::plain, 2),
           random_tensor({9, 16, 1, 1}, Layout::plain, 3)});
    }
  }
}

TEST_CASE("conv2d: sparse passes give what dense ones give for masked weights") {
  const Conv2dOptions strided{.stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1};
  const Shape shape = {9, 6, 3, 3};
  Mask mask = Mask::ones(shape);
  for (std::int64_t i = 0; i < shape.numel(); ++i) mask.data()[i] = i % 5 == 2 || i < 60 ? 1 : 0;
  // Sums of at most 80 products of order 1: a few epsilons of their size.
  testing::check_sparse_passes(mask, 2e-5, [&](const ops::SparsePasses& sparse) {
    return testing::run_masked_layer(mask, {5, 6, 7, 8}, shape, sparse,
                                     [&](const Tensor& x, const Tensor& weight, const Tensor& bias) {
                                       return ops::conv2d(x, weight, bias, strided, sparse);
                                     });
  });
}

TEST_CASE("conv2d: a pattern of other weights is refused") {
  const Tensor x = random_tensor({1, 4, 5, 5}, Layout::lanes, 1);
  const Tensor weight = random_tensor({4, 4, 3, 3}, Layout::plain, 2);
  const auto pattern = std::make_shared<const SparsePattern>(Mask::ones({4, 4, 1, 1}), 1);
  CHECK_THROWS_AS(ops::conv2d(x, weight, {}, {}, {.pattern = pattern, .forward = true}), Error);
}

TEST_CASE("conv2d: PyTorch's values") {
  const auto conv = [](Conv2dOptions options) {
    return [options](const std::vector<Tensor>& in) {
      return ops::conv2d(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), options);
    };
  };
  check_golden("conv2d: 3x3, padding, bias", conv({.padding_h = 1, .padding_w = 1}));
  check_golden("conv2d: strides of their own", conv({.stride_h = 2, .stride_w = 1, .padding_h = 1}));
  check_golden("conv2d: 1x1, stride 2", conv({.stride_h = 2, .stride_w = 2}));
  check_golden("conv2d: groups", conv({.padding_h = 1, .padding_w = 1, .groups = 2}));
  check_golden("conv2d: a batch beyond one vector", conv({.padding_h = 1, .padding_w = 1}));
}

TEST_CASE("conv2d computes only the gradients that are wanted") {
  const Tensor images = random_tensor({3, 2, 4, 4}, Layout::lanes, 1);
  Tensor weight = random_tensor({2, 2, 3, 3}, Layout::plain, 2);
  weight.set_requires_grad();
  testing::backward_with(ops::conv2d(images, weight), random_tensor({3, 2, 2, 2}, Layout::lanes, 3));
  CHECK(weight.grad().defined());
  CHECK_FALSE(images.grad().defined());
}

TEST_CASE("conv2d says what does not fit and what to try") {
  const Tensor x = random_tensor({2, 64, 8, 8}, Layout::lanes, 1);
  const Tensor weight = Tensor::zeros({16, 32, 3, 3});
  CHECK_THROWS_WITH_AS(ops::conv2d(x, weight),
                       "[conv2d] weight expects 64 input channels, got 32; check groups", Error);
  CHECK_THROWS_WITH_AS(
      ops::conv2d(Tensor::zeros({2, 64, 8, 8}), weight),
      "[conv2d] x expects [N, IC, H, W] in lanes, got plain [2, 64, 8, 8]; convert it with to_lanes", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(x, Tensor::zeros({16, 64, 3, 3}), Tensor::zeros({8})),
                       "[conv2d] bias expects plain [16], got plain [8]", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(x, weight, {}, {.groups = 3}),
                       "[conv2d] groups expects a divisor of 64 input and 16 output channels, got 3", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(x, weight, {}, {.stride_h = 0}),
                       "[conv2d] stride expects 1 or more, got 0 x 1", Error);
  CHECK_THROWS_WITH_AS(
      ops::conv2d(x, Tensor::zeros({16, 64, 9, 9})),
      "[conv2d] the 9 x 9 kernel expects a plane at least as large, got 8 x 8 with padding; check "
      "padding, or whether the model is too deep for this image size",
      Error);
}
