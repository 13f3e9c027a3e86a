#include <doctest/doctest.h>

#include <thread>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/linear.h"
#include "framework/ops/relu.h"
#include "framework/ops/sum.h"
#include "framework/tensor/lanes.h"
#include "tests/support/gradient_check.h"

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

// What has arrived is handed out once, and only where nobody else holds it.
TEST_CASE("an operation adds its gradient in place to the sum that is there") {
  Tensor leaf = Tensor::scalar(3.0f).set_requires_grad();
  for (const bool held : {false, true}) {
    const Tensor h = ops::relu(leaf);
    const void* first = nullptr;
    Tensor keeps, sum;
    const auto use = [&](const auto& backward) { return record("use", {h}, Tensor::scalar(1.0f), backward); };
    const Tensor older = use([&](Backward& back) {
      sum = back.take_sum(0);
      CHECK(sum.defined() == !held);
      if (sum.defined()) CHECK(sum.bytes() == first);
      CHECK_FALSE(back.take_sum(0).defined());
      back.give(0, Tensor::scalar(5.0f));
    });
    const Tensor newer = use([&](Backward& back) {
      Tensor gradient = Tensor::scalar(2.0f);
      first = gradient.bytes();
      if (held) keeps = gradient;
      back.give(0, std::move(gradient));
    });
    leaf.set_grad({});
    add(older, newer).backward();
    CHECK(leaf.grad().item() == (held ? 7.0f : 5.0f));  // not held: the sum of 2 was taken and not given back
  }
}

TEST_CASE("gradients accumulate over backward passes until they are cleared") {
  Tensor x = Tensor::scalar(1.0f).set_requires_grad();
  ops::relu(x).backward();
  ops::relu(x).backward();
  CHECK(x.grad().item() == 2.0f);
  x.set_grad({});
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("an activation of one element is a loss like its sum") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    CAPTURE(dtype_name(dtype));
    const Tensor x = to_lanes(testing::random_tensor({1, 3}, Layout::plain, 1), dtype);
    Tensor first = testing::random_tensor({4, 3}, Layout::plain, 2).set_requires_grad();
    Tensor second = testing::random_tensor({1, 4}, Layout::plain, 3).set_requires_grad();
    const auto gradients = [&](bool summed) {
      first.set_grad({});
      second.set_grad({});
      const Tensor y = ops::linear(ops::relu(ops::linear(x, first)), second);
      (summed ? ops::sum(y) : y).backward();
      return std::pair(first.grad().to_vector(), second.grad().to_vector());
    };
    CHECK(gradients(false) == gradients(true));
  }
}

TEST_CASE("a graph that one thread begins and another goes on with loses no gradient") {
  Tensor x = Tensor::scalar(1.0f).set_requires_grad();
  const Tensor y = add(add(x, x), x);
  Tensor loss;
  std::thread([&] { loss = add(y, y); }).join();
  loss.backward();
  CHECK(x.grad().item() == 6.0f);
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
