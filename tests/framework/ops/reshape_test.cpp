#include "framework/ops/reshape.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

auto run(std::vector<std::int64_t> sizes) {
  return [=](const std::vector<Tensor>& in) { return ops::reshape(in[0], sizes); };
}

}  // namespace

TEST_CASE("reshape: gradient") {
  for (std::int64_t n : {1, 5, 16, 17}) {
    CAPTURE(n);
    // Padding between planes goes, comes, and changes.
    check_gradients(run({n, -1}), {random_tensor({n, 3, 2, 2}, Layout::lanes, 1)});
    check_gradients(run({n, 3, 2, 2}), {random_tensor({n, 12}, Layout::lanes, 1)});
    check_gradients(run({n, 2, 3, 2}), {random_tensor({n, 3, 2, 2}, Layout::lanes, 1)});
    check_gradients(run({-1, 2}), {random_tensor({n, 6}, Layout::plain, 1)});
  }
}

TEST_CASE("reshape: PyTorch's values") {
  check_golden("reshape: lanes", run({3, 3, 4}));
  check_golden("reshape: plain", run({2, 6}));
}

TEST_CASE("reshape is a view where the layout allows") {
  const Tensor odd = random_tensor({5, 2, 3, 3}, Layout::lanes, 1);
  CHECK(ops::reshape(odd, {5, 18}).shares_storage_with(odd));
  const Tensor even = random_tensor({5, 2, 2, 3}, Layout::lanes, 1);
  CHECK_FALSE(ops::reshape(even, {5, 12}).shares_storage_with(even));
  CHECK(ops::reshape(even, {5, 12}).to_vector() == even.to_vector());
}

TEST_CASE("reshape says what does not fit") {
  const Tensor x = random_tensor({4, 6}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(ops::reshape(x, {4, 5}), "[reshape] expected sizes for 24 elements, got [4, 5]",
                       Error);
  CHECK_THROWS_WITH_AS(ops::reshape(x, {4, -1, 5}),
                       "[reshape] the 24 elements of [4, 6] do not divide into [4, -1, 5]", Error);
  CHECK_THROWS_WITH_AS(
      ops::reshape(x, {6, 4}),
      "[reshape] an activation keeps its batch as dimension 0: [4, 6] does not go into [6, 4]", Error);
  CHECK_THROWS_WITH_AS(ops::reshape(x, {4, -1, -1}),
                       "[reshape] expected sizes of 0 or more and at most one -1, got [4, -1, -1]", Error);
}
