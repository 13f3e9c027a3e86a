#include "datasets/augment/mixing.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "framework/tensor/lanes.h"

using namespace espalier;
using namespace espalier::datasets;

namespace {

// Image n is n + 1 everywhere, and has label n.
train::Batch numbered(std::int64_t n) {
  Tensor plain = Tensor::empty({n, 2, 5, 6});
  for (std::int64_t i = 0; i < plain.numel(); ++i) plain.data()[i] = static_cast<float>(i / 60 + 1);
  train::Batch batch{to_lanes(plain), Tensor::empty({n}, Layout::plain, DType::i32)};
  for (std::int32_t i = 0; i < n; ++i) batch.labels.data<std::int32_t>()[i] = i;
  return batch;
}

}  // namespace

TEST_CASE("mixup blends every image with its partner, and says in what shares") {
  for (const std::int64_t n : {1, 5, 16, 37}) {
    CAPTURE(n);
    train::Batch batch = numbered(n);
    Random random(1, "test", static_cast<std::uint64_t>(n));
    Mixing{.mixup = 1.0}.apply(batch, random);
    const std::vector<float> values = batch.images.to_vector();
    for (std::int64_t i = 0; i < n; ++i) {
      CHECK(batch.mixed_labels.data<std::int32_t>()[i] == n - 1 - i);
      const float share = batch.own_share;
      const float expected = share * static_cast<float>(i + 1) + (1.0f - share) * static_cast<float>(n - i);
      for (std::int64_t p = 0; p < 60; ++p)
        CHECK(values[static_cast<std::size_t>(i * 60 + p)] == doctest::Approx(expected));
    }
  }
}

TEST_CASE("cutmix takes a rectangle of the partner, and its share is that of the pixels") {
  constexpr std::int64_t kImages = 20;
  for (std::uint64_t trial = 0; trial < 50; ++trial) {
    train::Batch batch = numbered(kImages);
    Random random(2, "test", trial);
    Mixing{.cutmix = 1.0}.apply(batch, random);
    const std::vector<float> values = batch.images.to_vector();
    for (std::int64_t i = 0; i < kImages; ++i) {
      int own = 0;
      for (std::int64_t p = 0; p < 60; ++p) {
        const float value = values[static_cast<std::size_t>(i * 60 + p)];
        REQUIRE((value == static_cast<float>(i + 1) || value == static_cast<float>(kImages - i)));
        own += value == static_cast<float>(i + 1);
      }
      CHECK(own == doctest::Approx(60.0 * static_cast<double>(batch.own_share)));
    }
  }
}

TEST_CASE("batches are mixed as often as asked, and otherwise left alone") {
  int mixed = 0;
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    train::Batch batch = numbered(4);
    Random random(3, "test", trial);
    Mixing{.mixup = 0.2, .cutmix = 1.0, .probability = 0.5}.apply(batch, random);
    mixed += batch.mixed_labels.defined();
    if (!batch.mixed_labels.defined()) CHECK(batch.images.to_vector() == numbered(4).images.to_vector());
  }
  CHECK(std::abs(mixed - 100) < 30);
  train::Batch batch = numbered(4);
  Random random(3, "test");
  Mixing{}.apply(batch, random);
  CHECK_FALSE(batch.mixed_labels.defined());
}

TEST_CASE("shares follow a symmetric beta distribution") {
  for (const double alpha : {0.05, 0.2, 1.0, 4.0}) {
    CAPTURE(alpha);
    Random random(4, "beta");
    double sum = 0.0, squares = 0.0;
    constexpr int kDraws = 4000;
    for (int i = 0; i < kDraws; ++i) {
      const double x = symmetric_beta(alpha, random);
      REQUIRE(x >= 0.0);
      REQUIRE(x <= 1.0);
      sum += x;
      squares += x * x;
    }
    const double mean = sum / kDraws, variance = squares / kDraws - mean * mean;
    const double expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
    CHECK(std::abs(mean - 0.5) < 5.0 * std::sqrt(expected / kDraws));
    CHECK(variance == doctest::Approx(expected).epsilon(0.1));
  }
}
