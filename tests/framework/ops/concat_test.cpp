#include "framework/ops/concat.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

auto run(int dimension) {
  return [=](const std::vector<Tensor>& in) { return ops::concat(in, dimension); };
}

}  // namespace

TEST_CASE("concat: gradient") {
  for (std::int64_t n : {1, 5, 16, 17}) {
    CAPTURE(n);
    const auto lanes = [](const Shape& shape, std::uint64_t seed) {
      return random_tensor(shape, Layout::lanes, seed);
    };
    check_gradients(run(1), {lanes({n, 2, 2, 2}, 1), lanes({n, 3, 2, 2}, 2), lanes({n, 1, 2, 2}, 3)});
    check_gradients(run(2), {lanes({n, 2, 1, 3}, 1), lanes({n, 2, 2, 3}, 2)});
    check_gradients(run(-1), {lanes({n, 4}, 1), lanes({n, 3}, 2)});
    check_gradients(run(0),
                    {random_tensor({n, 4}, Layout::plain, 1), random_tensor({2, 4}, Layout::plain, 2)});
  }
}

TEST_CASE("concat: PyTorch's values") {
  check_golden("concat: channels", run(1));
  check_golden("concat: tokens", run(1));
  check_golden("concat: plain", run(1));
}

TEST_CASE("concat says which part does not fit") {
  const Tensor x = random_tensor({4, 6}, Layout::lanes, 1), y = random_tensor({5, 6}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(ops::concat({x, y}, 1),
                       "[concat] part 1 expects lanes [4, 6] but for dimension 1, got lanes [5, 6]", Error);
  CHECK_THROWS_WITH_AS(ops::concat({x, x}, 0),
                       "[concat] activations are not joined along their batch, dimension 0", Error);
  CHECK_THROWS_WITH_AS(ops::concat({}, 0), "[concat] expected at least one tensor, got none", Error);
}
