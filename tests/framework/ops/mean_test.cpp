#include "framework/ops/mean.h"

#include "tests/framework/ops/reduction_support.h"

using namespace espalier;

namespace {

const testing::Reduction op = {ops::mean, ops::mean};

}  // namespace

TEST_CASE("mean: gradient") { testing::check_reduction_gradients(op); }

TEST_CASE("mean: PyTorch's values") {
  testing::check_golden("mean: all", op.run_all());
  testing::check_golden("mean: the last dimension", op.run({-1}));
}
