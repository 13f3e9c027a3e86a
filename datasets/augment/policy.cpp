#include "datasets/augment/policy.h"

#include <cmath>
#include <numbers>

#include "datasets/augment/image_ops.h"

namespace espalier::datasets {
namespace {

struct Canvas {
  std::uint8_t* image;
  std::uint8_t* scratch;
  const Shape& shape;
};

struct Operation {
  // strength: 0 changes nothing or little, 1 is the most; negative where `two_sided` says so.
  void (*apply)(const Canvas& canvas, double strength);
  bool two_sided;
};

// How far each operation goes: TrivialAugment's wide space, and RandAugment's for 32x32 pixels.
struct Reach {
  double shear, shift, turn, factor;  // slope, part of the side, degrees, change of a blend's factor
  double bits;                        // that posterize takes away
};

template <const Reach& reach>
struct Operations {
  static void shear_x(const Canvas& c, double s) {
    map_plane(c.image, c.scratch, c.shape, {.bx = s * reach.shear});
  }
  static void shear_y(const Canvas& c, double s) {
    map_plane(c.image, c.scratch, c.shape, {.ay = s * reach.shear});
  }
  static void shift_x(const Canvas& c, double s) {
    map_plane(c.image, c.scratch, c.shape,
              {.cx = std::round(s * reach.shift * static_cast<double>(c.shape[2]))});
  }
  static void shift_y(const Canvas& c, double s) {
    map_plane(c.image, c.scratch, c.shape,
              {.cy = std::round(s * reach.shift * static_cast<double>(c.shape[1]))});
  }
  static void rotate(const Canvas& c, double s) {
    const double angle = s * reach.turn * std::numbers::pi / 180.0;
    map_plane(c.image, c.scratch, c.shape,
              {.ax = std::cos(angle), .bx = -std::sin(angle), .ay = std::sin(angle), .by = std::cos(angle)});
  }
  static void brighten(const Canvas& c, double s) { brightness(c.image, c.shape, 1.0 + s * reach.factor); }
  static void saturate(const Canvas& c, double s) { colour(c.image, c.shape, 1.0 + s * reach.factor); }
  static void contrast_by(const Canvas& c, double s) { contrast(c.image, c.shape, 1.0 + s * reach.factor); }
  static void sharpen(const Canvas& c, double s) {
    sharpness(c.image, c.scratch, c.shape, 1.0 + s * reach.factor);
  }
  static void posterize_by(const Canvas& c, double s) {
    posterize(c.image, c.shape, 8 - static_cast<int>(std::lround(s * reach.bits)));
  }
  static void solarize_by(const Canvas& c, double s) {
    solarize(c.image, c.shape, static_cast<int>(std::lround(255.0 * (1.0 - s))));
  }
  static void stretch(const Canvas& c, double) { auto_contrast(c.image, c.shape); }
  static void even_out(const Canvas& c, double) { equalize(c.image, c.shape); }
  static void nothing(const Canvas&, double) {}

  static constexpr Operation all[] = {
      {nothing, false}, {shear_x, true},   {shear_y, true},       {shift_x, true},      {shift_y, true},
      {rotate, true},   {brighten, true},  {saturate, true},      {contrast_by, true},  {sharpen, true},
      {stretch, false}, {even_out, false}, {posterize_by, false}, {solarize_by, false},
  };
};

constexpr int kStrengths = 31;
constexpr Reach kWide = {.shear = 0.99, .shift = 1.0, .turn = 135.0, .factor = 0.99, .bits = 6.0};
constexpr Reach kRand = {.shear = 0.3, .shift = 150.0 / 331.0, .turn = 30.0, .factor = 0.9, .bits = 4.0};

template <const Reach& reach>
void apply_one(const Canvas& canvas, int strength, Random& random) {
  const Operation& operation = Operations<reach>::all[random.below(std::size(Operations<reach>::all))];
  const double size = static_cast<double>(strength) / (kStrengths - 1);
  const bool negative = operation.two_sided && random.below(2) == 1;
  operation.apply(canvas, negative ? -size : size);
}

}  // namespace

void AugmentPolicy::fields(FieldVisitor& v) {
  v.field("kind", kind, "trivial: one operation of random strength; rand: several of a given one",
          {"none", "trivial", "rand"});
  v.field("operations", operations, "rand: how many, one after the other", {1, 14});
  v.field("magnitude", magnitude, "rand: strength, of 30", {0, kStrengths - 1});
}

void AugmentPolicy::apply(std::uint8_t* image, std::uint8_t* scratch, const Shape& shape,
                          Random& random) const {
  const Canvas canvas{image, scratch, shape};
  if (kind == "trivial") {
    apply_one<kWide>(canvas, static_cast<int>(random.below(kStrengths)), random);
  } else if (kind == "rand") {
    for (std::int64_t i = 0; i < operations; ++i)
      apply_one<kRand>(canvas, static_cast<int>(magnitude), random);
  }
}

}  // namespace espalier::datasets
