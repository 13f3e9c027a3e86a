#include "framework/ops/dropout.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/core/error.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_gradients;
using testing::random_tensor;

namespace {

Tensor run(const std::vector<Tensor>& in) { return ops::dropout(in[0], 0.4f, true, 1, 2); }

}  // namespace

// The mask depends on seed and stream alone, so finite differences see a linear function.
TEST_CASE("dropout: gradient") {
  for (const Shape& shape : {Shape{1, 10}, Shape{5, 3, 3, 2}, Shape{16, 7}, Shape{17, 3, 5}}) {
    CAPTURE(shape.str());
    check_gradients(run, {random_tensor(shape, Layout::lanes, 1)});
  }
}

TEST_CASE("dropout drops a share p and scales the rest to keep the mean") {
  const std::vector<float> y = run({Tensor::full({16, 1000}, 1.0f, Layout::lanes)}).to_vector();
  std::int64_t dropped = 0;
  for (float value : y) {
    dropped += value == 0.0f;
    if (value != 0.0f) CHECK(value == doctest::Approx(1.0 / 0.6));
  }
  // 16000 draws: five standard deviations are 5 * sqrt(16000 * 0.4 * 0.6) = 310.
  CHECK(std::abs(dropped - 6400) < 310);
}

TEST_CASE("dropout draws by seed and stream, and does nothing outside training or at p = 0") {
  const Tensor x = Tensor::full({16, 64}, 1.0f, Layout::lanes);
  const auto drop = [&](std::uint64_t seed, std::uint64_t stream) {
    return ops::dropout(x, 0.5f, true, seed, stream).to_vector();
  };
  CHECK(drop(1, 2) == drop(1, 2));
  CHECK(drop(1, 2) != drop(1, 3));
  CHECK(drop(1, 2) != drop(2, 2));
  CHECK(ops::dropout(x, 0.5f, false, 1, 2).id() == x.id());
  CHECK(ops::dropout(x, 0.0f, true, 1, 2).id() == x.id());
  CHECK_THROWS_WITH_AS(ops::dropout(x, 1.0f, true, 1, 2),
                       "[dropout] p expects a probability of 0 or more and below 1, got 1", Error);
}
