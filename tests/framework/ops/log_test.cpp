#include "framework/ops/log.h"

#include "tests/framework/ops/positive_support.h"

using namespace espalier;

TEST_CASE("log: gradient") { testing::check_gradients_of_positive(ops::log); }

TEST_CASE("log: PyTorch's values") {
  testing::check_golden("log", [](const std::vector<Tensor>& in) { return ops::log(in[0]); });
}

TEST_CASE("log leaves zeros in the padding lanes, forward and backward") {
  testing::check_padding_lanes_stay_zero(ops::log);
}
