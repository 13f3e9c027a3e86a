#include "framework/ops/sum.h"

#include "tests/framework/ops/reduction_support.h"

using namespace espalier;

namespace {

const testing::Reduction op = {ops::sum, ops::sum};

}  // namespace

TEST_CASE("sum: gradient") { testing::check_reduction_gradients(op); }

TEST_CASE("sum: PyTorch's values") {
  testing::check_golden("sum: all", op.run_all());
  testing::check_golden("sum: planes", op.run({2, 3}));
  testing::check_golden("sum: a middle dimension, kept", op.run({1}, true));
  testing::check_golden("sum: plain", op.run({0, 2}));
}

TEST_CASE("sum over the batch leaves the padding lanes out") {
  const Tensor x = Tensor::full({5, 3, 2, 2}, 1.0f, Layout::lanes);  // the padding lanes too
  CHECK(ops::sum(x).item() == 60.0f);
  const Tensor channels = ops::sum(x, {0, 2, 3});
  CHECK_FALSE(channels.is_lanes());
  CHECK(channels.to_vector() == std::vector<float>{20.0f, 20.0f, 20.0f});
}

TEST_CASE("a sum of nothing is zero") {
  Tensor x = Tensor::zeros({5, 3, 0}, Layout::lanes).set_requires_grad();
  const Tensor tokens = ops::sum(x, {2}), features = ops::sum(x, {0, 2});
  CHECK(tokens.is_lanes());
  CHECK(tokens.to_vector() == std::vector<float>(15, 0.0f));
  CHECK(features.to_vector() == std::vector<float>(3, 0.0f));
  ops::sum(tokens).backward();
  CHECK(x.grad().shape() == x.shape());
  CHECK(ops::sum(Tensor::zeros({0, 5}, Layout::lanes), {0}).to_vector() == std::vector<float>(5, 0.0f));
  CHECK(ops::sum(Tensor::zeros({0, 5}, Layout::lanes)).item() == 0.0f);
}
