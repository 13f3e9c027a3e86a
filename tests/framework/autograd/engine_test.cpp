#include <doctest/doctest.h>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/relu.h"

using namespace espalier;

namespace {

// a + b, enough to build graphs with.
Tensor add(const Tensor& a, const Tensor& b) {
  return record("add", {a, b}, Tensor::scalar(a.item() + b.item()), [](Backward& back) {
    back.give(0, back.grad());
    back.give(1, back.grad());
  });
}

}  // namespace

TEST_CASE("gradients of a value used several times add up") {
  Tensor x = Tensor::scalar(3.0f).set_requires_grad();
  const Tensor y = add(x, x);    // 2x
  add(add(y, x), y).backward();  // 5x
  CHECK(x.grad().item() == 5.0f);
}

TEST_CASE("gradients accumulate over backward passes until they are cleared") {
  Tensor x = Tensor::scalar(1.0f).set_requires_grad();
  ops::relu(x).backward();
  ops::relu(x).backward();
  CHECK(x.grad().item() == 2.0f);
  x.set_grad({});
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("a graph can be walked once") {
  Tensor x = Tensor::scalar(1.0f).set_requires_grad();
  const Tensor y = ops::relu(x);
  y.backward();
  CHECK_THROWS_AS(y.backward(), Error);
}

TEST_CASE("nothing is recorded without a leaf that asks for it, or inside NoGrad") {
  Tensor x = Tensor::scalar(1.0f);
  CHECK_FALSE(ops::relu(x).requires_grad());
  x.set_requires_grad();
  const NoGrad off;
  CHECK_FALSE(ops::relu(x).requires_grad());
}

TEST_CASE("anomaly detection names the operation and the layer") {
  const DetectAnomaly detect;
  const LayerScope scope(std::make_shared<const std::string>("layer1.0.relu"));
  Tensor x = Tensor::scalar(std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS_WITH_AS(ops::relu(x), doctest::Contains("layer1.0.relu"), Error);
}
