// Compiled without tile instructions: what computes here is the loops that stand for them, and the kernels
// over them join the tests of conv2d and gemm.
#include "kernels/conv2d/tiles.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/gemm/linear_tiles.h"
#include "tests/kernels/activation.h"
#include "tests/kernels/tiles/emulated.h"
#include "tests/support/keep_largest.h"

namespace espalier::kernels {

ESPALIER_TILE_KERNELS(portable);
const LinearBf16Kernels linear_bf16_tiles_portable = linear_tiles_kernels(Isa::portable);

namespace {

TEST_CASE("a block of tiles sums the products of its steps, in every size of a block") {
  constexpr int kSteps = 3;
  const Activation a(Floats::random(2 * kSteps * kTileElements, 1), Element::bf16);
  const Activation b(Floats::random(4 * kSteps * kTileElements, 2), Element::bf16);
  // Steps may lie in any order.
  const TileStep steps[kSteps] = {
      {2 * kTileElements, 0}, {0, kTileElements}, {kTileElements, 2 * kTileElements}};
  for (int rows = 1; rows <= 2; ++rows) {
    for (int columns = 1; columns <= max_tile_columns(rows); ++columns) {
      Floats c = Floats::random(static_cast<std::size_t>(rows * columns * kTileFloats), 3);
      const std::vector<float> start(c.data(), c.data() + c.size());
      TileBlock block;
      for (int i = 0; i < rows; ++i)
        block.a[i] = static_cast<const Bf16*>(a.data()) + i * kSteps * kTileElements;
      for (int j = 0; j < columns; ++j)
        block.b[j] = static_cast<const Bf16*>(b.data()) + j * kSteps * kTileElements;
      block.steps = steps;
      block.step_count = kSteps;
      block.c = c.data();
      block.c_row = columns * kTileFloats;
      block.c_column = kTileFloats;
      block.accumulate = true;
      multiply_tiles(rows, columns, block);
      double worst = 0.0;
      for (int at = 0; at < rows * columns * kTileFloats; ++at) {
        const int i = at / kTileFloats / columns, j = at / kTileFloats % columns, m = at % kTileFloats / 16,
                  n = at % 16;
        double sum = start[static_cast<std::size_t>(at)];
        for (const TileStep& step : steps) {
          const float* left = a.wide.data() + i * kSteps * kTileElements + step.a + m * kTileDepth;
          const float* right = b.wide.data() + j * kSteps * kTileElements + step.b + 2 * n;
          for (int k = 0; k < kTileDepth; ++k) sum += double{left[k]} * right[k / 2 * kTileDepth + k % 2];
        }
        testing::keep_largest(worst, std::abs(sum - c.data()[at]));
      }
      INFO(rows << " x " << columns);
      CHECK(worst <= sum_tolerance(kSteps * kTileDepth));
    }
  }
}

// The definition of a phase: which taps reach an output, and from where.
TEST_CASE("the phases of an axis see each tap that reaches an output, once") {
  for (bool backward : {false, true}) {
    for (int kernel = 1; kernel <= 5; ++kernel) {
      for (int stride = 1; stride <= 3; ++stride) {
        for (int pad = 0; pad < kernel; ++pad) {
          const TileAxis axis = tile_axis(backward, kernel, stride, pad);
          for (int o = 0; o < 12; ++o) {
            std::vector<int> reached(static_cast<std::size_t>(kernel), 1 << 20);
            for (int i = 0; i < axis.phase_count; ++i) {
              const TilePhase& p = axis.phases[i];
              if (o < p.first || (o - p.first) % p.step != 0) continue;
              const int j = (o - p.first) / p.step;
              for (int t = 0; t < p.taps; ++t) {
                const int place = p.in + p.in_step * j + p.in_tap * t;
                reached[static_cast<std::size_t>(p.tap + t * p.tap_step)] = axis.base + axis.sample * place;
              }
            }
            for (int k = 0; k < kernel; ++k) {
              const int reach = reached[static_cast<std::size_t>(k)];
              INFO("backward " << backward << " kernel " << kernel << " stride " << stride << " pad " << pad
                               << " output " << o << " tap " << k);
              if (!backward) {
                CHECK(reach == o * stride - pad + k);
              } else if ((o + pad - k) % stride == 0) {
                CHECK(reach == (o + pad - k) / stride);
              } else {
                CHECK(reach == 1 << 20);
              }
            }
          }
        }
      }
    }
  }
}

TEST_CASE("few channels share a tile, and a step sums some of their taps") {
  const auto steps = [](int channels, bool backward) {
    const Conv2dShape s = {
        .N = 16, .IC = channels, .IH = 8, .IW = 8, .OC = channels, .KH = 3, .KW = 3, .PH = 1, .PW = 1};
    return plan_tile_gather(tile_shape(s), backward).tap_groups();
  };
  for (bool backward : {false, true}) {
    CHECK(steps(8, backward) == 3);
    CHECK(steps(16, backward) == 6);
    CHECK(steps(17, backward) == 9);
  }
}

TEST_CASE("groups of taps hold each tap of a phase once, at the place that it sees") {
  for (bool backward : {false, true}) {
    for (int kernel = 1; kernel <= 7; ++kernel) {
      for (int stride = 1; stride <= 3; ++stride) {
        const TileAxis axis = tile_axis(backward, kernel, stride, kernel / 2);
        std::vector<int> seen(static_cast<std::size_t>(kernel), 0);
        for (int beside : {1, 2, 4}) {
          for (int i = 0; i < axis.phase_count; ++i) {
            const TilePhase& p = axis.phases[i];
            for (int group = 0; group * beside < p.taps; ++group) {
              const TapGroup taps(p, beside, group);
              for (int at = 0; at < beside; ++at) {
                const int tap = taps.tap(p, at);
                if (tap < 0) continue;
                ++seen[static_cast<std::size_t>(tap)];
                CHECK((tap - p.tap) / p.tap_step * p.in_tap == taps.place(p) + at);
              }
            }
          }
        }
        INFO("backward " << backward << " kernel " << kernel << " stride " << stride);
        CHECK(std::count(seen.begin(), seen.end(), 3) == kernel);
      }
    }
  }
}

}  // namespace
}  // namespace espalier::kernels
