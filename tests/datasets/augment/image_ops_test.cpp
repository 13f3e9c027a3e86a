#include "datasets/augment/image_ops.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>
#include <utility>
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

namespace {

void map_by(Image& image, const Shape& shape, const PlaneMap& map) {
  Image scratch(image.size());
  map_plane(image.data(), scratch.data(), shape, map);
}

void turn(Image& image, const Shape& shape, double degrees) {
  const double angle = degrees * std::numbers::pi / 180.0;
  map_by(image, shape,
         {.ax = std::cos(angle), .bx = -std::sin(angle), .ay = std::sin(angle), .by = std::cos(angle)});
}

void sharpen(Image& image, const Shape& shape, double factor) {
  Image scratch(image.size());
  sharpness(image.data(), scratch.data(), shape, factor);
}

// An operation in 31 magnitudes, evenly from the first to the last; of either sign where it goes both ways.
struct Magnitudes {
  const char* operation;
  double first, last;
  bool with_sign;
  void (*apply)(Image& image, const Shape& shape, double magnitude);
};

// TrivialAugmentWide's in torchvision/transforms/autoaugment.py. How far, that is: it shears about a corner,
// we about the centre, and of a shift it drops the fraction of a pixel, which we round.
const Magnitudes kWide[] = {
    {"Identity", 0.0, 0.0, false, [](Image&, const Shape&, double) {}},
    {"ShearX", 0.0, 0.99, true, [](Image& i, const Shape& s, double m) { map_by(i, s, {.bx = m}); }},
    {"ShearY", 0.0, 0.99, true, [](Image& i, const Shape& s, double m) { map_by(i, s, {.ay = m}); }},
    {"TranslateX", 0.0, 32.0, true,
     [](Image& i, const Shape& s, double m) { map_by(i, s, {.cx = std::round(m)}); }},
    {"TranslateY", 0.0, 32.0, true,
     [](Image& i, const Shape& s, double m) { map_by(i, s, {.cy = std::round(m)}); }},
    {"Rotate", 0.0, 135.0, true, turn},
    {"Brightness", 0.0, 0.99, true,
     [](Image& i, const Shape& s, double m) { brightness(i.data(), s, 1.0 + m); }},
    {"Color", 0.0, 0.99, true, [](Image& i, const Shape& s, double m) { colour(i.data(), s, 1.0 + m); }},
    {"Contrast", 0.0, 0.99, true, [](Image& i, const Shape& s, double m) { contrast(i.data(), s, 1.0 + m); }},
    {"Sharpness", 0.0, 0.99, true, [](Image& i, const Shape& s, double m) { sharpen(i, s, 1.0 + m); }},
    {"Posterize", 8.0, 2.0, false,
     [](Image& i, const Shape& s, double m) { posterize(i.data(), s, static_cast<int>(std::lround(m))); }},
    {"Solarize", 255.0, 0.0, false,
     [](Image& i, const Shape& s, double m) { solarize(i.data(), s, static_cast<int>(std::lround(m))); }},
    {"AutoContrast", 0.0, 0.0, false, [](Image& i, const Shape& s, double) { auto_contrast(i.data(), s); }},
    {"Equalize", 0.0, 0.0, false, [](Image& i, const Shape& s, double) { equalize(i.data(), s); }},
};

}  // namespace

TEST_CASE("the trivial policy makes of an image what torchvision's wide magnitudes do, and nothing else") {
  const Shape shape({3, 32, 32});
  Image original(3 * 32 * 32);
  Random noise(4, "test");
  for (std::uint8_t& pixel : original) {
    pixel = static_cast<std::uint8_t>(noise.below(256));
    if (pixel % 17 == 8) ++pixel;  // half of solarize's thresholds are 8.5, 25.5, ..., which may round down
  }
  struct Outcome {
    std::string name;
    bool reached = false;
  };
  std::map<Image, Outcome> outcomes;
  for (const Magnitudes& row : kWide) {
    for (int bin = 0; bin < 31; ++bin) {
      const double magnitude = row.first + bin / 30.0 * (row.last - row.first);
      for (const double sign : {1.0, -1.0}) {
        if (sign < 0.0 && !row.with_sign) continue;
        Image image = original;
        row.apply(image, shape, sign * magnitude);
        outcomes.try_emplace(std::move(image),
                             Outcome{row.operation + (" " + std::to_string(sign * magnitude))});
      }
    }
  }
  // The rarest come once in 14 * 31 * 2 images: so many miss one of them with a probability of 10^-7.
  for (std::uint64_t i = 0; i < 20000; ++i) {
    Image image = original, scratch(image.size());
    Random random(5, "test", i);
    AugmentPolicy{"trivial", 1, 0}.apply(image.data(), scratch.data(), shape, random);
    const auto outcome = outcomes.find(image);
    REQUIRE(outcome != outcomes.end());
    outcome->second.reached = true;
  }
  for (const auto& entry : outcomes) CHECK_MESSAGE(entry.second.reached, entry.second.name);
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
