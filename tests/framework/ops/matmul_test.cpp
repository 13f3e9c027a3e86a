#include "framework/ops/matmul.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

Tensor run(const std::vector<Tensor>& in) { return ops::matmul(in[0], in[1]); }

void check_pair(const Shape& a, const Shape& b, Layout layout) {
  CAPTURE(a.str());
  CAPTURE(b.str());
  check_gradients(run, {random_tensor(a, layout, 1), random_tensor(b, layout, 2)});
}

}  // namespace

TEST_CASE("matmul: gradient") {
  check_pair({5, 7}, {7, 17}, Layout::plain);
  for (std::int64_t n : {1, 5, 16, 17}) {
    check_pair({n, 3, 5}, {n, 5, 4}, Layout::lanes);
    // Planes of an even number of pixels are padded, odd ones are not.
    check_pair({n, 2, 3, 5}, {n, 2, 5, 4}, Layout::lanes);
    check_pair({n, 3, 4, 2}, {n, 3, 2, 3}, Layout::lanes);
  }
}

TEST_CASE("matmul: PyTorch's values") {
  check_golden("matmul: plain", run);
  check_golden("matmul: lanes", run);
  check_golden("matmul: lanes in planes", run);
}

TEST_CASE("matmul says what does not fit and what to try") {
  const Tensor x = random_tensor({2, 3, 5}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(ops::matmul(x, Tensor::zeros({5, 4})),
                       "[matmul] expected two plain matrices, or two activations of one type and of rank 3 "
                       "or 4, got lanes [2, 3, 5] "
                       "and plain [5, 4]; activations times a plain matrix is ops::linear",
                       Error);
  CHECK_THROWS_WITH_AS(
      ops::matmul(x, random_tensor({2, 4, 5}, Layout::lanes, 2)),
      "[matmul] b expects 5 rows, as many as a has columns, and the same leading sizes, got lanes "
      "[2, 3, 5] and lanes [2, 4, 5]",
      Error);
}
