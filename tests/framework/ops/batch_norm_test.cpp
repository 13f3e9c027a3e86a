#include "framework/ops/batch_norm.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/tensor/lanes.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

struct Statistics {
  Tensor mean = Tensor::from({0.1f, -0.2f, 0.3f}, {3});
  Tensor var = Tensor::from({0.5f, 1.0f, 2.0f}, {3});
};

// x, gamma, beta and, when there is a fourth, a residual.
auto run(ops::BatchNormOptions options) {
  return [options](const std::vector<Tensor>& in) {
    Tensor mean = Tensor::zeros(in[1].shape()), var = Tensor::full(in[1].shape(), 1.5f);
    return ops::batch_norm(in[0], in[1], in[2], mean, var, options, in.size() > 3 ? in[3] : Tensor());
  };
}

}  // namespace

TEST_CASE("batch_norm: gradient") {
  for (const Shape& shape : {Shape{5, 3, 3, 3}, Shape{16, 5, 2, 4}, Shape{17, 2, 5, 3}, Shape{1, 3, 4, 4}}) {
    CAPTURE(shape.str());
    const Shape channels = {shape[1]};
    const std::vector<Tensor> inputs = {random_tensor(shape, Layout::lanes, 1),
                                        random_tensor(channels, Layout::plain, 2),
                                        random_tensor(channels, Layout::plain, 3)};
    std::vector<Tensor> with_residual = inputs;
    with_residual.push_back(random_tensor(shape, Layout::lanes, 4));
    for (bool training : {true, false}) {
      CAPTURE(training);
      check_gradients(run({.training = training}), inputs);
      check_gradients(run({.training = training}), with_residual);
    }
  }
}

// A kink has no derivative to compare with: beta keeps every value that goes into the ReLU away from 0.
TEST_CASE("batch_norm: gradient through the fused ReLU") {
  for (const Shape& shape : {Shape{5, 2, 3, 3}, Shape{17, 2, 2, 4}}) {
    CAPTURE(shape.str());
    const std::vector<Tensor> inputs = {random_tensor(shape, Layout::lanes, 1),
                                        Tensor::from({0.5f, -0.5f}, {2}), Tensor::from({3.0f, -3.0f}, {2})};
    std::vector<Tensor> with_residual = inputs;
    with_residual.push_back(random_tensor(shape, Layout::lanes, 4, 0.2f));
    check_gradients(run({.relu = true}), inputs);
    check_gradients(run({.relu = true}), with_residual);
  }
}

TEST_CASE("batch_norm: PyTorch's values") {
  const auto golden = [](ops::BatchNormOptions options) {
    return [options](const std::vector<Tensor>& in) {
      Statistics s;
      return ops::batch_norm(in[0], in[1], in[2], s.mean, s.var, options, in.size() > 3 ? in[3] : Tensor());
    };
  };
  check_golden("batch_norm: training", golden({}));
  check_golden("batch_norm: evaluation", golden({.training = false}));
  check_golden("batch_norm: relu", golden({.relu = true}));
  check_golden("batch_norm: relu, residual", golden({.relu = true}));
  check_golden("batch_norm: a batch beyond one vector", run({}));
}

TEST_CASE("batch_norm moves the running statistics in training only") {
  // One channel of values 1 .. 4: mean 2.5, unbiased variance 5/3.
  const Tensor x = to_lanes(Tensor::from({1.0f, 2.0f, 3.0f, 4.0f}, {2, 1, 1, 2}));
  const Tensor gamma = Tensor::full({1}, 1.0f), beta = Tensor::zeros({1});
  Tensor mean = Tensor::full({1}, 10.0f), var = Tensor::full({1}, 20.0f);
  ops::batch_norm(x, gamma, beta, mean, var, {.training = false});
  CHECK(mean.item() == 10.0f);
  CHECK(var.item() == 20.0f);
  ops::batch_norm(x, gamma, beta, mean, var, {.momentum = 0.25f});
  CHECK(mean.item() == doctest::Approx(0.75 * 10.0 + 0.25 * 2.5));
  CHECK(var.item() == doctest::Approx(0.75 * 20.0 + 0.25 * 5.0 / 3.0));
}

TEST_CASE("batch_norm says what does not fit") {
  Tensor mean = Tensor::zeros({3}), var = Tensor::zeros({3});
  const Tensor three = Tensor::zeros({3}), x = random_tensor({2, 3, 2, 2}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(ops::batch_norm(x, Tensor::zeros({4}), three, mean, var),
                       "[batch_norm] gamma expects plain [3], got plain [4]", Error);
  CHECK_THROWS_WITH_AS(
      ops::batch_norm(x, three, three, mean, var, {}, random_tensor({2, 3, 2, 1}, Layout::lanes, 1)),
      "[batch_norm] residual expects lanes [2, 3, 2, 2], got lanes [2, 3, 2, 1]", Error);
  CHECK_THROWS_WITH_AS(
      ops::batch_norm(random_tensor({1, 3, 1, 1}, Layout::lanes, 1), three, three, mean, var),
      "[batch_norm] training expects more than one value a channel, got shape [1, 3, 1, 1]; use a "
      "larger batch",
      Error);
}
