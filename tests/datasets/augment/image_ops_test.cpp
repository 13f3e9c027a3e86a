#include "datasets/augment/image_ops.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/augment/policy.h"
#include "datasets/augment/random_erasing.h"

using namespace espalier;
using namespace espalier::datasets;

namespace {

using Image = std::vector<std::uint8_t>;

const nlohmann::json& goldens() {
  static const nlohmann::json cases =
      nlohmann::json::parse(std::ifstream(ESPALIER_SOURCE_DIR "/tests/goldens/image_ops.json"));
  return cases;
}

Image golden(const std::string& name) {
  const std::string hex = goldens().at(name);
  Image image;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    image.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return image;
}

Shape golden_shape() { return Shape(goldens().at("shape").get<std::vector<std::int64_t>>()); }

}  // namespace

TEST_CASE("colours, sharpness and histograms change as Pillow's do, to the bit") {
  const Shape shape = golden_shape();
  for (const auto& golden_image : goldens().items()) {
    const std::string& name = golden_image.key();
    if (name == "shape") continue;
    CAPTURE(name);
    const std::size_t space = name.find(' ');
    const std::string operation = name.substr(0, space);
    const double strength = space == std::string::npos ? 0.0 : std::stod(name.substr(space));
    Image image = golden("image"), scratch(image.size());
    if (operation == "brightness") brightness(image.data(), shape, strength);
    if (operation == "colour") colour(image.data(), shape, strength);
    if (operation == "contrast") contrast(image.data(), shape, strength);
    if (operation == "sharpness") sharpness(image.data(), scratch.data(), shape, strength);
    if (operation == "posterize") posterize(image.data(), shape, static_cast<int>(strength));
    if (operation == "solarize") solarize(image.data(), shape, static_cast<int>(strength));
    if (operation == "auto_contrast") auto_contrast(image.data(), shape);
    if (operation == "equalize") equalize(image.data(), shape);
    CHECK(image == golden(name));
  }
}

TEST_CASE("a plane map takes each pixel from where it says, black from outside") {
  const Shape shape({2, 3, 4});
  Image image, scratch(24);
  for (int i = 1; i <= 24; ++i) image.push_back(static_cast<std::uint8_t>(i));
  Image shifted = image;
  map_plane(shifted.data(), scratch.data(), shape, {.cx = 1.0});
  CHECK(shifted == Image{2, 3, 4, 0, 6, 7, 8, 0, 10, 11, 12, 0, 14, 15, 16, 0, 18, 19, 20, 0, 22, 23, 24, 0});
  Image turned = image;  // by half a turn
  map_plane(turned.data(), scratch.data(), shape, {.ax = -1.0, .by = -1.0});
  CHECK(turned ==
        Image{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13});
  Image same = image;
  map_plane(same.data(), scratch.data(), shape, {});
  CHECK(same == image);
}

TEST_CASE("policies change most images, the same way from the same random numbers") {
  const Shape shape = golden_shape();
  const Image original = golden("image");
  for (const char* kind : {"trivial", "rand"}) {
    CAPTURE(kind);
    const AugmentPolicy policy{kind, 2, 9};
    int changed = 0;
    for (std::uint64_t i = 0; i < 200; ++i) {
      Image a = original, b = original, scratch(a.size());
      Random first(1, "test", i), second(1, "test", i);
      policy.apply(a.data(), scratch.data(), shape, first);
      policy.apply(b.data(), scratch.data(), shape, second);
      REQUIRE(a == b);
      changed += a != original;
    }
    CHECK(changed > 150);
    if (policy.kind == "trivial") CHECK(changed < 200);  // one operation in 14 is none
  }
}

TEST_CASE("policies work on images of one channel, and on one pixel") {
  for (const Shape& shape : {Shape({1, 5, 7}), Shape({3, 1, 1})}) {
    for (std::uint64_t i = 0; i < 300; ++i) {
      Image image(static_cast<std::size_t>(shape.numel()), 100), scratch(image.size());
      Random random(2, "test", i);
      AugmentPolicy{"trivial", 1, 0}.apply(image.data(), scratch.data(), shape, random);
    }
  }
}

TEST_CASE("erasing paints one rectangle of 2 to 33% of the image, as often as asked") {
  const Shape shape({2, 32, 32});
  const std::uint8_t fill[] = {7, 9};
  int erased = 0;
  for (std::uint64_t i = 0; i < 400; ++i) {
    Image image(2048, 100);
    Random random(3, "test", i);
    random_erasing(image.data(), shape, 0.25, fill, random);
    std::int64_t count = 0, top = 32, bottom = -1, left = 32, right = -1;
    for (std::int64_t p = 0; p < 1024; ++p) {
      const bool painted = image[static_cast<std::size_t>(p)] == 7;
      CHECK(painted == (image[static_cast<std::size_t>(1024 + p)] == 9));
      if (!painted) continue;
      ++count;
      top = std::min(top, p / 32), bottom = std::max(bottom, p / 32);
      left = std::min(left, p % 32), right = std::max(right, p % 32);
    }
    if (count == 0) continue;
    ++erased;
    CHECK(count == (bottom - top + 1) * (right - left + 1));
    CHECK(count >= 0.01 * 1024);
    CHECK(count <= 0.36 * 1024);
  }
  CHECK(std::abs(erased - 100) < 40);  // four standard deviations
}
