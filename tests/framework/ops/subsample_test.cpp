#include "framework/ops/subsample.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/ops/add.h"
#include "framework/ops/avg_pool2d.h"
#include "framework/ops/mul.h"
#include "framework/tensor/lanes.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("subsample takes every stride-th pixel and puts half of the new channels in front") {
  for (const Shape& shape : {Shape{1, 2, 4, 4}, Shape{17, 4, 5, 7}, Shape{16, 3, 6, 5}}) {
    CAPTURE(shape.str());
    const Tensor x = random_tensor(shape, Layout::plain, 1);
    const std::int64_t C = shape[1], H = shape[2], W = shape[3], channels = C + 3;
    const Tensor y = from_lanes(ops::subsample(to_lanes(x), 2, channels));
    const std::int64_t OH = (H + 1) / 2, OW = (W + 1) / 2;
    REQUIRE(y.shape() == Shape{shape[0], channels, OH, OW});
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t h = 0; h < OH; ++h) {
          for (std::int64_t w = 0; w < OW; ++w) {
            const bool kept = c >= 1 && c < 1 + C;
            const float expected = kept ? x.data()[((n * C + c - 1) * H + 2 * h) * W + 2 * w] : 0.0f;
            REQUIRE(y.data()[((n * channels + c) * OH + h) * OW + w] == expected);
          }
        }
      }
    }
  }
}

TEST_CASE("subsample: gradient") {
  for (const Shape& shape : {Shape{1, 2, 4, 4}, Shape{17, 4, 5, 3}}) {
    check_gradients([](const std::vector<Tensor>& in) { return ops::subsample(in[0], 2, 6); },
                    {random_tensor(shape, Layout::lanes, 1)});
  }
}

TEST_CASE("subsample: gradient, added to that of another use") {
  for (const Shape& shape : {Shape{1, 2, 4, 4}, Shape{17, 4, 6, 2}}) {
    check_gradients(
        [](const std::vector<Tensor>& in) {
          const Tensor y = ops::subsample(in[0], 2, in[0].dim(1));  // on the tape first, so back last
          return ops::add(ops::avg_pool2d(ops::mul(in[0], in[0])), y);
        },
        {random_tensor(shape, Layout::lanes, 1)});
  }
}

TEST_CASE("subsample: PyTorch's values") {
  testing::check_golden("subsample",
                        [](const std::vector<Tensor>& in) { return ops::subsample(in[0], 2, 5); });
}

TEST_CASE("subsample refuses to drop channels") {
  CHECK_THROWS_WITH_AS(ops::subsample(random_tensor({1, 4, 2, 2}, Layout::lanes, 1), 2, 3),
                       "[subsample] 4 channels do not fit into 3", Error);
}
