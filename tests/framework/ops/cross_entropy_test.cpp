#include "framework/ops/cross_entropy.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

// The labels of tests/goldens/ops.py.
Tensor labels_for(const Shape& logits) {
  Tensor labels = Tensor::empty(logits.without(-1), Layout::plain, DType::i32);
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    labels.data<std::int32_t>()[i] = static_cast<std::int32_t>((7 * i + 3) % logits[-1]);
  }
  return labels;
}

auto run(float smoothing) {
  return [smoothing](const std::vector<Tensor>& in) {
    return ops::cross_entropy(in[0], labels_for(in[0].shape()), smoothing);
  };
}

Tensor run_soft(const std::vector<Tensor>& in) { return ops::soft_cross_entropy(in[0], in[1]); }

}  // namespace

TEST_CASE("cross_entropy: gradient") {
  for (const Shape& shape : {Shape{1, 10}, Shape{5, 3}, Shape{16, 7}, Shape{17, 5}, Shape{3, 4, 5}}) {
    CAPTURE(shape.str());
    check_gradients(run(0.0f), {random_tensor(shape, Layout::lanes, 1)});
    check_gradients(run(0.1f), {random_tensor(shape, Layout::lanes, 1)});
  }
}

TEST_CASE("soft_cross_entropy: gradient") {
  for (const Shape& shape : {Shape{1, 10}, Shape{5, 3}, Shape{16, 7}, Shape{17, 5}}) {
    CAPTURE(shape.str());
    check_gradients(run_soft,
                    {random_tensor(shape, Layout::lanes, 1), random_tensor(shape, Layout::lanes, 2)});
  }
}

TEST_CASE("cross_entropy: PyTorch's values") {
  check_golden("cross_entropy", run(0.0f));
  check_golden("cross_entropy: label smoothing", run(0.1f));
  check_golden("soft_cross_entropy", run_soft);
}

TEST_CASE("cross_entropy is finite for logits that would overflow") {
  const Tensor loss = ops::cross_entropy(Tensor::full({2, 3}, 200.0f, Layout::lanes), labels_for({2, 3}));
  CHECK(loss.item() == doctest::Approx(1.0986123).epsilon(1e-4));
}

TEST_CASE("cross_entropy names the label that is no class") {
  const Tensor logits = random_tensor({3, 4}, Layout::lanes, 1);
  Tensor labels = labels_for({3, 4});
  labels.data<std::int32_t>()[2] = 4;
  CHECK_THROWS_WITH_AS(ops::cross_entropy(logits, labels),
                       "[cross_entropy] label 2 expects a class of 0 .. 3, got 4", Error);
  CHECK_THROWS_WITH_AS(ops::cross_entropy(logits, Tensor::zeros({3})),
                       "[cross_entropy] labels expects plain i32 [3], got plain [3]", Error);
  CHECK_THROWS_WITH_AS(ops::soft_cross_entropy(logits, Tensor::zeros({3, 4})),
                       "[soft_cross_entropy] targets expects lanes [3, 4], got plain [3, 4]", Error);
}
