#include "framework/ops/sum.h"

#include <doctest/doctest.h>

#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

auto run(std::vector<int> dimensions, bool keepdim = false) {
  return [=](const std::vector<Tensor>& in) { return ops::sum(in[0], dimensions, keepdim); };
}

Tensor run_all(const std::vector<Tensor>& in) { return ops::sum(in[0]); }

}  // namespace

TEST_CASE("sum: gradient") {
  for (const Shape& shape : {Shape{1, 3, 5, 5}, Shape{5, 7, 2, 4}, Shape{16, 2, 2, 3}, Shape{17, 3, 3, 2}}) {
    CAPTURE(shape.str());
    const Tensor x = random_tensor(shape, Layout::lanes, 1), p = random_tensor(shape, Layout::plain, 2);
    for (const Tensor& t : {x, p}) {
      check_gradients(run_all, {t});
      for (bool keepdim : {false, true}) {
        check_gradients(run({2, 3}, keepdim), {t});
        check_gradients(run({1}, keepdim), {t});
        check_gradients(run({-1}, keepdim), {t});
        check_gradients(run({0, 2, 3}, keepdim), {t});
        check_gradients(run({0}, keepdim), {t});
      }
    }
  }
  check_gradients(run({1}), {random_tensor({17, 4, 5}, Layout::lanes, 1)});
}

TEST_CASE("sum: PyTorch's values") {
  check_golden("sum: all", run_all);
  check_golden("sum: planes", run({2, 3}));
  check_golden("sum: a middle dimension, kept", run({1}, true));
  check_golden("sum: plain", run({0, 2}));
}

TEST_CASE("sum over the batch leaves the padding lanes out") {
  const Tensor x = Tensor::full({5, 3, 2, 2}, 1.0f, Layout::lanes);  // the padding lanes too
  CHECK(ops::sum(x).item() == 60.0f);
  const Tensor channels = ops::sum(x, {0, 2, 3});
  CHECK_FALSE(channels.is_lanes());
  CHECK(channels.to_vector() == std::vector<float>{20.0f, 20.0f, 20.0f});
}
