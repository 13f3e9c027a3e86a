#include "framework/ops/mul.h"

#include "tests/framework/ops/binary_support.h"

using namespace espalier;
using testing::BinaryOp;

namespace {

const BinaryOp op = {"mul", ops::mul};

}  // namespace

TEST_CASE("mul: gradient") { check_binary_gradients(op); }

TEST_CASE("mul: PyTorch's values") { check_binary_goldens(op); }

TEST_CASE("mul says which shapes do not broadcast") { check_binary_refusals(op); }
