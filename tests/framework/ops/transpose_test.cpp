#include "framework/ops/transpose.h"

#include <doctest/doctest.h>

#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

auto run(int a, int b) {
  return [=](const std::vector<Tensor>& in) { return ops::transpose(in[0], a, b); };
}

}  // namespace

TEST_CASE("transpose: gradient") {
  for (std::int64_t n : {1, 5, 16, 17}) {
    CAPTURE(n);
    check_gradients(run(-1, -2), {random_tensor({n, 2, 3, 4}, Layout::lanes, 1)});
    check_gradients(run(0, 1), {random_tensor({n, 3}, Layout::plain, 1)});
  }
}

TEST_CASE("transpose: PyTorch's values") { check_golden("transpose: lanes", run(1, 2)); }
