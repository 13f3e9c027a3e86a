#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "datasets/augment/augmentation.h"
#include "datasets/augment/cutout.h"
#include "datasets/augment/normalisation.h"
#include "datasets/augment/random_crop.h"
#include "datasets/augment/random_flip.h"
#include "tests/datasets/support.h"

using namespace espalier;
using namespace espalier::datasets;
using testing::check_error;

namespace {

using Image = std::basic_string<std::uint8_t>;

// Every pixel of [C, H, W] different from all others, none 0.
Image numbered(const Shape& shape) {
  Image image(static_cast<std::size_t>(shape.numel()), 0);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint8_t>(i + 1);
  return image;
}

// The window at (dy, dx) of the padded image, by the definition.
Image window(const Image& image, const Shape& shape, std::int64_t dy, std::int64_t dx, Padding mode) {
  const auto mirror = [](std::int64_t i, std::int64_t n) {
    return i < 0 ? -i : (i >= n ? 2 * n - 2 - i : i);
  };
  Image result;
  for (std::int64_t c = 0; c < shape[0]; ++c) {
    for (std::int64_t y = dy; y < dy + shape[1]; ++y) {
      for (std::int64_t x = dx; x < dx + shape[2]; ++x) {
        const bool inside = y >= 0 && y < shape[1] && x >= 0 && x < shape[2];
        const std::int64_t sy = mirror(y, shape[1]), sx = mirror(x, shape[2]);
        const std::uint8_t pixel = image[static_cast<std::size_t>((c * shape[1] + sy) * shape[2] + sx)];
        result.push_back(inside || mode == Padding::reflect ? pixel : std::uint8_t{0});
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE("random_crop cuts each window of the padded image, all equally often") {
  const Shape shape{3, 5, 6};
  const Image image = numbered(shape);
  for (const Padding mode : {Padding::zero, Padding::reflect}) {
    for (const std::int64_t padding : {1, 2, 3}) {
      CAPTURE(padding);
      std::map<Image, int> windows;
      for (std::int64_t dy = -padding; dy <= padding; ++dy) {
        for (std::int64_t dx = -padding; dx <= padding; ++dx) windows[window(image, shape, dy, dx, mode)] = 0;
      }
      const int kinds = static_cast<int>(windows.size());
      REQUIRE(kinds == (2 * padding + 1) * (2 * padding + 1));
      Random random(1, "test");
      Image cropped(image.size(), 0);
      for (int i = 0; i < 100 * kinds; ++i) {
        random_crop(image.data(), cropped.data(), shape, padding, mode, random);
        const auto found = windows.find(cropped);
        REQUIRE(found != windows.end());
        ++found->second;
      }
      // 100 expected of each, with a standard deviation of 10: five of them.
      for (const auto& [pixels, count] : windows) CHECK(std::abs(count - 100) < 50);
    }
  }
}

TEST_CASE("random_flip mirrors every row of half of the images") {
  const Shape shape{2, 3, 5};
  const Image image = numbered(shape);
  Image mirrored = image;
  for (std::ptrdiff_t row = 0; row < 6; ++row)
    std::reverse(mirrored.begin() + row * 5, mirrored.begin() + row * 5 + 5);
  Random random(1, "test");
  int flips = 0;
  for (int i = 0; i < 1000; ++i) {
    Image flipped = image;
    random_flip(flipped.data(), shape, random);
    if (flipped == mirrored) ++flips;
    CHECK((flipped == mirrored || flipped == image));
  }
  CHECK(std::abs(flips - 500) < 80);  // five standard deviations
}

TEST_CASE("cutout paints a square around a pixel in all channels, cut off at the borders") {
  const Shape shape{2, 6, 7};
  const Image image = numbered(shape);
  const std::uint8_t fill[] = {200, 210};
  for (const std::int64_t side : {1, 2, 3, 4, 12}) {
    CAPTURE(side);
    std::set<Image> expected;
    for (std::int64_t cy = 0; cy < 6; ++cy) {
      for (std::int64_t cx = 0; cx < 7; ++cx) {
        Image painted = image;
        for (std::int64_t c = 0; c < 2; ++c) {
          for (std::int64_t y = std::max<std::int64_t>(0, cy - side / 2);
               y < std::min<std::int64_t>(6, cy - side / 2 + side); ++y) {
            for (std::int64_t x = std::max<std::int64_t>(0, cx - side / 2);
                 x < std::min<std::int64_t>(7, cx - side / 2 + side); ++x) {
              painted[static_cast<std::size_t>((c * 6 + y) * 7 + x)] = fill[c];
            }
          }
        }
        expected.insert(painted);
      }
    }
    Random random(1, "test");
    std::set<Image> seen;
    for (int i = 0; i < 1000; ++i) {
      Image painted = image;
      cutout(painted.data(), shape, side, fill, random);
      seen.insert(painted);
    }
    CHECK(seen == expected);
  }
}

TEST_CASE("alternating flips: chance decides an image's first epoch, and then its sides take turns") {
  const Shape shape{1, 2, 3};
  const Augmenter augmenter({.flip = true, .flip_mode = "alternate"}, shape, {0});
  const Image image = {1, 2, 3, 4, 5, 6}, mirrored = {3, 2, 1, 6, 5, 4};
  int mirrored_first = 0;
  for (std::int64_t index = 0; index < 1000; ++index) {
    const auto seen = [&](std::int64_t epoch) {
      Image copy = image, scratch(6, 0);
      augmenter.apply(copy.data(), scratch.data(), {7, epoch, index});
      CHECK((copy == image || copy == mirrored));
      return copy == mirrored;
    };
    const bool first = seen(0);
    mirrored_first += first ? 1 : 0;
    for (std::int64_t epoch = 1; epoch < 5; ++epoch) CHECK(seen(epoch) == (first == (epoch % 2 == 0)));
  }
  CHECK(std::abs(mirrored_first - 500) < 80);  // five standard deviations
}

TEST_CASE("augmentation: the defaults change nothing, and each setting does what it says") {
  const Shape shape{3, 8, 8};
  const Image image = numbered(shape);
  const auto changed = [&](const Augmentation& settings) {
    const Augmenter augmenter(settings, shape, {1, 2, 3});
    int different = 0;
    for (std::int64_t i = 0; i < 100; ++i) {
      Image copy = image, scratch(image.size(), 0);
      const std::uint8_t* result = augmenter.apply(copy.data(), scratch.data(), {1, 0, i});
      if (!std::equal(image.begin(), image.end(), result)) ++different;
    }
    return different;
  };
  CHECK(changed({}) == 0);
  CHECK(changed({.crop_padding = 2}) > 80);
  CHECK(changed({.crop_padding = 2, .crop_mode = "reflect"}) > 80);
  CHECK(changed({.flip = true}) > 30);
  CHECK(changed({.flip = true}) < 70);
  CHECK(changed({.cutout = 3}) == 100);
}

TEST_CASE("augmentation: settings that do not fit the images are refused") {
  const Shape shape{3, 8, 6};
  check_error(ErrorKind::usage, {"crop_padding", "0 .. 5", "8x6", "got 6"},
              [&] { Augmentation{.crop_padding = 6}.check_for(shape); });
  check_error(ErrorKind::usage, {"cutout", "got 13"}, [&] { Augmentation{.cutout = 13}.check_for(shape); });
  check_error(ErrorKind::usage, {"crop_mode", "mirror"},
              [&] { Augmentation{.crop_mode = "mirror"}.check_for(shape); });
}

TEST_CASE("normalisation is measured over all pixels of a channel, and the table follows its formula") {
  // Two images of two channels: channel 0 holds 0, 51, 102, 153 (mean 0.3), channel 1 is constant.
  const MemoryDataset dataset({2, 1, 2}, 1, {0, 51, 255, 255, 102, 153, 255, 255}, {0, 0});
  const Normalisation measured = measure_normalisation(dataset);
  CHECK(measured.mean[0] == doctest::Approx(0.3));
  CHECK(measured.stddev[0] == doctest::Approx(std::sqrt(0.05)));
  CHECK(measured.mean[1] == doctest::Approx(1.0));
  CHECK(measured.stddev[1] == 1.0);
  const NormalisationTable table(measured, 2);
  CHECK(table.channel(0)[51] == doctest::Approx((0.2 - 0.3) / std::sqrt(0.05)));
  CHECK(table.channel(1)[255] == doctest::Approx(0.0));
  check_error(ErrorKind::failure, {"positive"}, [] { NormalisationTable({{0.0}, {0.0}}, 1); });
}
