#include "framework/ops/mul.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

Tensor run(const std::vector<Tensor>& in) { return ops::mul(in[0], in[1]); }

void check_pair(const Shape& a, Layout layout_a, const Shape& b, Layout layout_b) {
  CAPTURE(a.str());
  CAPTURE(b.str());
  check_gradients(run, {random_tensor(a, layout_a, 1), random_tensor(b, layout_b, 2)});
}

}  // namespace

TEST_CASE("mul: gradient") {
  const Layout lanes = Layout::lanes, plain = Layout::plain;
  for (const Shape& shape :
       {Shape{1, 3, 5, 5}, Shape{5, 7}, Shape{16, 2, 2, 3}, Shape{17, 3, 4}, Shape{17}}) {
    check_pair(shape, lanes, shape, lanes);
    check_pair(shape, lanes, {}, plain);
  }
  check_pair({17, 3, 4, 4}, lanes, {3, 1, 1}, plain);
  check_pair({4, 3}, plain, {5, 4, 3}, lanes);
  check_pair({5, 3, 2, 2}, lanes, {2, 2}, plain);
  check_pair({5, 3, 1, 1}, lanes, {5, 3, 4, 3}, lanes);
  check_pair({17, 3, 1, 2}, lanes, {17, 1, 4, 1}, lanes);
  check_pair({3, 1, 5}, plain, {4, 1}, plain);
}

TEST_CASE("mul: PyTorch's values") {
  check_golden("mul: equal lanes", run);
  check_golden("mul: a value a plane", run);
  check_golden("mul: a value a plane first", run);
  check_golden("mul: both broadcast", run);
  check_golden("mul: lanes and a channel's parameter", run);
  check_golden("mul: a token's parameter and lanes", run);
  check_golden("mul: plain", run);
}

TEST_CASE("mul says which shapes do not broadcast") {
  const Tensor x = random_tensor({4, 3}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(ops::mul(x, random_tensor({5, 3}, Layout::lanes, 1)), doctest::Contains("[mul]"),
                       Error);
  CHECK_THROWS_WITH_AS(ops::mul(x, random_tensor({4, 3}, Layout::plain, 1)),
                       "[mul] a plain tensor beside activations expects no batch, got lanes [4, 3] and plain "
                       "[4, 3]; convert it with to_lanes",
                       Error);
}
