#include "framework/ops/sub.h"

#include "tests/framework/ops/binary_support.h"

using namespace espalier;
using testing::BinaryOp;

namespace {

const BinaryOp op = {"sub", ops::sub};

}  // namespace

TEST_CASE("sub: gradient") { check_binary_gradients(op); }

TEST_CASE("sub: PyTorch's values") { check_binary_goldens(op); }

TEST_CASE("sub says which shapes do not broadcast") { check_binary_refusals(op); }
