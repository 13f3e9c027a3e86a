#include "kernels/subimage/subimage.h"

#include <doctest/doctest.h>

#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

const SubimageShape kShapes[] = {
    {1, 3, 32, 32, {4, 4}}, {2, 5, 8, 16, {4, 4}}, {1, 33, 4, 4, {4, 4}}, {17, 4, 6, 8, {2, 4}},
    {3, 2, 2, 2, {2, 2}},   {1, 7, 5, 4, {1, 2}},  {20, 3, 3, 5, {1, 1}},
};

std::size_t plain_size(const SubimageShape& s) { return static_cast<std::size_t>(s.N * s.C * s.H * s.W); }

// Lanes, with room on either side for loads that begin some lanes off.
struct Padded {
  Floats floats;
  explicit Padded(std::int64_t count) : floats(static_cast<std::size_t>(count) + 2 * kLanes) {}
  float* data() { return floats.data() + kLanes; }
};

Padded split_into_lanes(const SubimageKernels& kernels, const SubimageShape& s, const Floats& plain) {
  Padded lanes(s.lanes().floats());
  kernels.split(s, plain.data(), lanes.data());
  return lanes;
}

// Where a pixel stands: the definition.
float at(const SubimageShape& s, const float* lanes, std::int64_t n, int c, int y, int x) {
  const bool images = s.grid.lanes() == 1;
  const LaneShape shape = s.lanes();
  const int lane = y / s.h() * s.grid.columns + x / s.w();
  return lanes[shape.at(images ? n : n * kLanes + lane, 0, c, (y % s.h()) * s.w() + x % s.w())];
}

template <class Body>
void for_each_pixel(const SubimageShape& s, const Body& body) {
  for (std::int64_t n = 0; n < s.N; ++n)
    for (int c = 0; c < s.C; ++c)
      for (int y = 0; y < s.H; ++y)
        for (int x = 0; x < s.W; ++x)
          body(n, c, y, x, static_cast<std::size_t>(((n * s.C + c) * s.H + y) * s.W + x));
}

}  // namespace

TEST_CASE("an image goes into the lanes of a grid, and on into coarser grids") {
  for (const SubimageShape& s : kShapes) {
    const Floats plain = Floats::random(plain_size(s), 1);
    for_each_isa<SubimageKernels>([&](const SubimageKernels& kernels) {
      Padded lanes = split_into_lanes(kernels, s, plain);
      bool same = true;
      for_each_pixel(s, [&](std::int64_t n, int c, int y, int x, std::size_t i) {
        same &= at(s, lanes.data(), n, c, y, x) == plain.data()[i];
      });
      CHECK(same);
      for (Subgrid grid : {Subgrid{1, 1}, Subgrid{1, s.grid.columns}, Subgrid{s.grid.rows, 1}}) {
        SubimageShape to = s;
        to.grid = grid;
        Padded other(to.lanes().floats());
        kernels.regrid(s, grid, lanes.data(), other.data());
        bool kept = true;
        for_each_pixel(s, [&](std::int64_t n, int c, int y, int x, std::size_t i) {
          kept &= at(to, other.data(), n, c, y, x) == plain.data()[i];
        });
        CHECK(kept);
      }
    });
  }
}

TEST_CASE("the halo of a sub-image is its neighbours' pixels, and zero around the image") {
  for (const SubimageShape& s : kShapes) {
    if (s.grid.lanes() == 1) continue;
    const Floats plain = Floats::random(plain_size(s), 2);
    for (int PH = 0; PH <= 2; ++PH) {
      for (int PW = 0; PW <= 3; PW += 1 + PH) {
        for_each_isa<SubimageKernels>([&](const SubimageKernels& kernels) {
          Padded lanes = split_into_lanes(kernels, s, plain);
          const int rows = s.h() + 2 * PH, columns = s.w() + 2 * PW;
          const LaneShape shape = image_lanes(s.N * kLanes, s.C, std::int64_t{rows} * columns);
          Padded padded(shape.floats());
          kernels.halo(s, PH, PW, lanes.data(), padded.data());
          bool same = true;
          for (std::int64_t n = 0; n < s.N; ++n)
            for (int c = 0; c < s.C; ++c)
              for (int lane = 0; lane < s.grid.lanes(); ++lane)
                for (int p = 0; p < rows * columns; ++p) {
                  const int y = lane / s.grid.columns * s.h() + p / columns - PH;
                  const int x = lane % s.grid.columns * s.w() + p % columns - PW;
                  const bool inside = y >= 0 && y < s.H && x >= 0 && x < s.W;
                  const float expected = inside ? plain.data()[((n * s.C + c) * s.H + y) * s.W + x] : 0.0f;
                  same &= padded.data()[shape.at(n * kLanes + lane, 0, c, p)] == expected;
                }
          CHECK(same);
        });
      }
    }
  }
}

TEST_CASE("the global average over sub-images is the image's mean, with images in the lanes") {
  for (const SubimageShape& s : kShapes) {
    if (s.grid.lanes() == 1) continue;
    const Floats plain = Floats::random(plain_size(s), 3);
    Doubles expected(static_cast<std::size_t>(s.N * s.C), 0.0);
    for_each_pixel(s, [&](std::int64_t n, int c, int, int, std::size_t i) {
      expected[static_cast<std::size_t>(n * s.C + c)] += static_cast<double>(plain.data()[i]) / (s.H * s.W);
    });
    for_each_isa<SubimageKernels>([&](const SubimageKernels& kernels) {
      Padded lanes = split_into_lanes(kernels, s, plain);
      const LaneShape features = token_lanes(s.N, 1, s.C);
      Floats means(static_cast<std::size_t>(features.floats()));
      kernels.global_average(s, lanes.data(), means.data());
      // Sums of some hundred values below one: an epsilon of rounding each, at worst.
      CHECK(worst_error(features, means, expected) <= 8.0 * kEpsilon);
      CHECK(padding_lanes_are_zero(features, means));
    });
  }
}

}  // namespace espalier::kernels
