#include "framework/ops/div.h"

#include "tests/framework/ops/binary_support.h"

using namespace espalier;
using testing::BinaryOp;

namespace {

// A divisor away from 0.
Tensor divisor(const Shape& shape, Layout layout) {
  Tensor b = testing::random_tensor(shape, layout, 2, 0.3f);
  for (std::int64_t i = 0; i < b.storage_elements(); ++i) b.data()[i] += 2.0f;
  return b;
}

const BinaryOp op = {"div", ops::div, divisor};

}  // namespace

TEST_CASE("div: gradient") { check_binary_gradients(op); }

TEST_CASE("div: PyTorch's values") { check_binary_goldens(op); }

TEST_CASE("div says which shapes do not broadcast") { check_binary_refusals(op); }
