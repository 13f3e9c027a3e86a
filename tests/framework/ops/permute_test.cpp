#include "framework/ops/permute.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

auto run(std::vector<int> order) {
  return [=](const std::vector<Tensor>& in) { return ops::permute(in[0], order); };
}

}  // namespace

TEST_CASE("permute: gradient") {
  for (std::int64_t n : {1, 5, 16, 17}) {
    CAPTURE(n);
    check_gradients(run({0, 2, 3, 1}), {random_tensor({n, 3, 2, 4}, Layout::lanes, 1)});
    check_gradients(run({0, 3, 1, 2}), {random_tensor({n, 3, 5, 3}, Layout::lanes, 1)});
    check_gradients(run({0, 2, 1}), {random_tensor({n, 3, 7}, Layout::lanes, 1)});
    check_gradients(run({2, 0, 1}), {random_tensor({n, 3, 4}, Layout::plain, 1)});
  }
}

TEST_CASE("permute: PyTorch's values") {
  check_golden("permute: lanes", run({0, 2, 3, 1}));
  check_golden("permute: plain", run({2, 0, 1}));
}

TEST_CASE("permute says which order it cannot follow") {
  const Tensor x = random_tensor({4, 6, 2}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(ops::permute(x, {0, 1}),
                       "[permute] order expects 3 dimensions for lanes [4, 6, 2], got [0, 1]", Error);
  CHECK_THROWS_WITH_AS(ops::permute(x, {0, 1, 1}),
                       "[permute] order expects each dimension once, got [0, 1, 1]", Error);
  CHECK_THROWS_WITH_AS(ops::permute(x, {1, 0, 2}),
                       "[permute] an activation keeps its batch as dimension 0, got [1, 0, 2]", Error);
}
