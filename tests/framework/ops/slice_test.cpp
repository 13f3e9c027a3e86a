#include "framework/ops/slice.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

auto run(int dimension, std::int64_t begin, std::int64_t end) {
  return [=](const std::vector<Tensor>& in) { return ops::slice(in[0], dimension, begin, end); };
}

}  // namespace

TEST_CASE("slice: gradient") {
  for (std::int64_t n : {1, 5, 16, 17}) {
    CAPTURE(n);
    const Tensor x = random_tensor({n, 4, 3, 4}, Layout::lanes, 1);
    check_gradients(run(1, 1, 3), {x});
    check_gradients(run(2, 0, 2), {x});
    check_gradients(run(-1, 3, 4), {x});
    check_gradients(run(1, 0, 1), {random_tensor({n, 5, 3}, Layout::lanes, 1)});
    check_gradients(run(0, n / 2, n), {random_tensor({n, 3}, Layout::plain, 1)});
  }
}

TEST_CASE("slice: PyTorch's values") {
  check_golden("slice: channels", run(1, 1, 4));
  check_golden("slice: rows", run(2, 2, 4));
  check_golden("slice: plain", run(0, 1, 3));
}

TEST_CASE("slice says what is out of range") {
  const Tensor x = random_tensor({4, 6}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(ops::slice(x, 1, 2, 7), "[slice] expected 0 <= begin <= end <= 6, got 2 and 7", Error);
  CHECK_THROWS_WITH_AS(ops::slice(x, 0, 0, 2),
                       "[slice] activations are not cut along their batch, dimension 0", Error);
}
