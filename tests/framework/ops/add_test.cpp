#include "framework/ops/add.h"

#include "tests/framework/ops/binary_support.h"

using namespace espalier;
using testing::BinaryOp;

namespace {

const BinaryOp op = {"add", ops::add};

}  // namespace

TEST_CASE("add: gradient") { check_binary_gradients(op); }

TEST_CASE("add: PyTorch's values") { check_binary_goldens(op); }

TEST_CASE("add says which shapes do not broadcast") { check_binary_refusals(op); }
