#include "framework/ops/sqrt.h"

#include "tests/framework/ops/positive_support.h"

using namespace espalier;

TEST_CASE("sqrt: gradient") { testing::check_gradients_of_positive(ops::sqrt); }

TEST_CASE("sqrt: PyTorch's values") {
  testing::check_golden("sqrt", [](const std::vector<Tensor>& in) { return ops::sqrt(in[0]); });
}

TEST_CASE("sqrt leaves zeros in the padding lanes, forward and backward") {
  testing::check_padding_lanes_stay_zero(ops::sqrt);
}
