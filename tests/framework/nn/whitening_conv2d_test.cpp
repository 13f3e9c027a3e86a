#include "framework/nn/modules/whitening_conv2d.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/tensor/lanes.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::random_tensor;

namespace {

// Neighbouring pixels and channels alike, as in photographs.
Tensor smooth_images(std::int64_t count) {
  const Tensor noise = random_tensor({count, 1, 9, 9}, Layout::plain, 3, 1.0f);
  const Tensor own = random_tensor({count, 3, 8, 8}, Layout::plain, 4, 0.2f);
  Tensor images = Tensor::empty({count, 3, 8, 8});
  for (std::int64_t i = 0; i < images.numel(); ++i) {
    const std::int64_t n = i / 192, y = i / 8 % 8, x = i % 8;
    const float* at = noise.data() + n * 81 + y * 9 + x;
    images.data()[i] = at[0] + at[1] + at[9] + at[10] + own.data()[i];
  }
  return images;
}

}  // namespace

TEST_CASE("whitened patches are uncorrelated and of unit variance; the second half is the negative") {
  const NoGrad off;
  nn::WhiteningConv2d layer(3, 2, 0.0);
  const Tensor images = smooth_images(40);
  layer.fit_to_images(images);
  const Tensor y = from_lanes(layer(to_lanes(images)));
  REQUIRE(y.shape() == Shape{40, 24, 7, 7});
  const auto channel = [&](std::int64_t n, std::int64_t c, std::int64_t pixel) {
    return double{y.data()[(n * 24 + c) * 49 + pixel]};
  };
  for (std::int64_t a = 0; a < 12; ++a) {
    for (std::int64_t b = 0; b < 24; ++b) {
      double moment = 0.0;
      for (std::int64_t n = 0; n < 40; ++n) {
        for (std::int64_t pixel = 0; pixel < 49; ++pixel)
          moment += channel(n, a, pixel) * channel(n, b, pixel);
      }
      const double expected = a == b ? 1.0 : a + 12 == b ? -1.0 : 0.0;
      CHECK(moment / (40 * 49) == doctest::Approx(expected).epsilon(1e-3).scale(1));
    }
  }
}

TEST_CASE("a whitening layer trains its bias only, and a new start leaves its weight") {
  nn::WhiteningConv2d layer(3, 2);
  const Tensor images = smooth_images(4);
  layer.fit_to_images(images);
  REQUIRE(layer.parameters().size() == 1);
  CHECK(layer.parameters()[0]->name == "bias");
  const std::vector<float> weight = layer.buffers()[0]->value.to_vector();
  layer.parameters()[0]->value.fill_(1.0f);
  layer.reset_parameters(5);
  CHECK(layer.parameters()[0]->value.to_vector() == std::vector<float>(24, 0.0f));
  CHECK(layer.buffers()[0]->value.to_vector() == weight);
  CHECK_THROWS_AS(layer.fit_to_images(random_tensor({4, 2, 8, 8}, Layout::plain, 1)), Error);
}

TEST_CASE("images are asked for only where a layer wants them") {
  nn::WhiteningConv2d layer(3, 2);
  int asked = 0;
  nn::fit_whitening(layer, [&] { return ++asked, smooth_images(2); });
  CHECK(asked == 1);
  CHECK(layer.buffers()[0]->value.to_vector()[0] != 0.0f);
}
