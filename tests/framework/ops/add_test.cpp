#include "framework/ops/add.h"

#include "framework/ops/sum.h"
#include "tests/framework/ops/binary_support.h"

using namespace espalier;
using testing::BinaryOp;

namespace {

const BinaryOp op = {"add", ops::add};

}  // namespace

TEST_CASE("add: gradient") { check_binary_gradients(op); }

TEST_CASE("add: PyTorch's values") { check_binary_goldens(op); }

TEST_CASE("add says which shapes do not broadcast") { check_binary_refusals(op); }

TEST_CASE("an empty batch broadcasts to one, and gives no gradient") {
  Tensor bias = Tensor::zeros({5}).set_requires_grad();
  const Tensor y = ops::add(Tensor::zeros({0, 5}, Layout::lanes), bias);
  CHECK(y.shape() == Shape{0, 5});
  ops::sum(y).backward();
  CHECK(bias.grad().to_vector() == std::vector<float>(5, 0.0f));
}
