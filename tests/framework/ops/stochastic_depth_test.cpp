#include "framework/ops/stochastic_depth.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/core/error.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("stochastic_depth: gradient") {
  for (const Shape& shape : {Shape{1, 10}, Shape{5, 3, 3, 2}, Shape{16, 7}, Shape{17, 3, 5}}) {
    CAPTURE(shape.str());
    const auto run = [](const std::vector<Tensor>& in) {
      return ops::stochastic_depth(in[0], 0.4f, true, 1, 2);
    };
    check_gradients(run, {random_tensor(shape, Layout::lanes, 1)});
  }
}

TEST_CASE("stochastic_depth drops whole images, a share p of them, and scales the rest to keep the mean") {
  constexpr std::int64_t kImages = 2000, kFeatures = 6;
  const Tensor x = Tensor::full({kImages, 2, kFeatures / 2}, 1.0f, Layout::lanes);
  const std::vector<float> y = ops::stochastic_depth(x, 0.4f, true, 1, 2).to_vector();
  std::int64_t dropped = 0;
  for (std::size_t image = 0; image < kImages; ++image) {
    const float first = y[image * kFeatures];
    for (std::size_t i = 0; i < kFeatures; ++i) REQUIRE(y[image * kFeatures + i] == first);
    dropped += first == 0.0f;
    if (first != 0.0f) CHECK(first == doctest::Approx(1.0 / 0.6));
  }
  // 2000 draws: five standard deviations are 5 * sqrt(2000 * 0.4 * 0.6) = 110.
  CHECK(std::abs(dropped - 800) < 110);
}

TEST_CASE("stochastic_depth draws by seed and stream, and does nothing outside training or at p = 0") {
  const Tensor x = Tensor::full({64, 3}, 1.0f, Layout::lanes);
  const auto drop = [&](std::uint64_t seed, std::uint64_t stream) {
    return ops::stochastic_depth(x, 0.5f, true, seed, stream).to_vector();
  };
  CHECK(drop(1, 2) == drop(1, 2));
  CHECK(drop(1, 2) != drop(1, 3));
  CHECK(drop(1, 2) != drop(2, 2));
  CHECK(ops::stochastic_depth(x, 0.5f, false, 1, 2).id() == x.id());
  CHECK(ops::stochastic_depth(x, 0.0f, true, 1, 2).id() == x.id());
  CHECK_THROWS_WITH_AS(ops::stochastic_depth(x, 1.0f, true, 1, 2),
                       "[stochastic_depth] p expects a probability of 0 or more and below 1, got 1", Error);
}
