#include "datasets/synthetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "datasets/memory_dataset.h"
#include "datasets/shapes.h"
#include "framework/core/random.h"
#include "kernels/base/parallel.h"

namespace espalier::datasets {
namespace {

constexpr int kSide = 32;
constexpr std::int64_t kImageBytes = 3 * kSide * kSide;
constexpr int kStrokes = 2;

struct Colour {
  float rgb[3];
};

float between(Random& random, float low, float high) { return low + (high - low) * random.uniform(); }

Colour random_colour(Random& random) {
  return {{between(random, 0.1f, 0.9f), between(random, 0.1f, 0.9f), between(random, 0.1f, 0.9f)}};
}

// Far enough from `other` to be seen, brighter or darker alike.
Colour contrasting_colour(Random& random, const Colour& other) {
  for (;;) {
    const Colour colour = random_colour(random);
    float difference = 0.0f;
    for (int c = 0; c < 3; ++c) difference += std::fabs(colour.rgb[c] - other.rgb[c]);
    if (difference > 0.9f) return colour;
  }
}

// A unit vector, uniform over the circle, without sine and cosine, whose last bits differ between machines.
void random_direction(Random& random, float& x, float& y) {
  for (;;) {
    x = between(random, -1.0f, 1.0f);
    y = between(random, -1.0f, 1.0f);
    const float square = x * x + y * y;
    if (square > 1.0f || square < 0.01f) continue;
    const float length = std::sqrt(square);
    x /= length;
    y /= length;
    return;
  }
}

// A colour with stripes: what background and shape are painted with.
struct Paint {
  Colour colour, stripes;
  float kx, ky, phase;  // waves a pixel, and where they begin

  Paint(Random& random, const Colour& base) : colour(base) {
    for (float& value : stripes.rgb) value = between(random, -0.1f, 0.1f);
    random_direction(random, kx, ky);
    const float frequency = between(random, 0.02f, 0.25f);
    kx *= frequency;
    ky *= frequency;
    phase = random.uniform();
  }

  // The triangle wave at a pixel, -1 .. 1.
  float wave(float x, float y) const {
    const float t = kx * x + ky * y + phase + 64.0f;  // positive: truncation is floor
    const float fraction = t - static_cast<float>(static_cast<int>(t));
    return 2.0f * std::fabs(2.0f * fraction - 1.0f) - 1.0f;
  }
};

// Where the shape stands: image coordinates to the shape's own frame.
struct Pose {
  static constexpr float kReach = 1.6f;  // farther than that from its centre no shape has a part

  float cx, cy, radius, cosine, sine, stretch;

  explicit Pose(Random& random) {
    radius = between(random, 8.0f, 12.0f);
    const float margin = 0.85f * radius;
    cx = between(random, margin, kSide - 1 - margin);
    cy = between(random, margin, kSide - 1 - margin);
    random_direction(random, cosine, sine);
    stretch = between(random, 0.85f, 1.15f);
  }

  // In pixels; negative inside.
  float distance(const ShapeClass& shape, float x, float y) const {
    const float dx = (x - cx) * (1.0f / radius), dy = (y - cy) * (1.0f / radius);
    if (dx * dx + dy * dy > kReach * kReach) return radius;
    return radius * shape.distance((cosine * dx + sine * dy) * stretch, cosine * dy - sine * dx);
  }
};

// Clutter: a short line.
struct Stroke {
  static constexpr float kReach = 10.0f;  // in pixels; farther than that from its end no stroke has a part

  float x, y, bx, by, half_width;
  Colour colour;

  explicit Stroke(Random& random) {
    x = between(random, 0.0f, kSide - 1);
    y = between(random, 0.0f, kSide - 1);
    random_direction(random, bx, by);
    const float length = between(random, 2.0f, 8.0f);
    bx *= length;
    by *= length;
    half_width = between(random, 0.6f, 1.2f);
    colour = random_colour(random);
  }

  float distance(float px, float py) const {
    const float dx = px - x, dy = py - y;
    if (dx * dx + dy * dy > kReach * kReach) return kReach;
    return distance_to_segment(dx, dy, bx, by) - half_width;
  }
};

// How much of a pixel lies inside an outline at this distance.
float coverage(float distance) { return std::min(std::max(0.5f - distance, 0.0f), 1.0f); }

}  // namespace

std::int32_t draw_synthetic(std::uint64_t seed, std::string_view split, std::int64_t index,
                            std::uint8_t* chw) {
  Random random(seed, fmt::format("synthetic {}", split), static_cast<std::uint64_t>(index));
  const auto label = static_cast<std::int32_t>(index % kShapeClasses);
  const ShapeClass& shape = kShapes[static_cast<std::size_t>(label)];
  const Paint background(random, random_colour(random));
  const Paint foreground(random, contrasting_colour(random, background.colour));
  const Pose pose(random);
  const Stroke strokes[kStrokes] = {Stroke(random), Stroke(random)};
  const float noise = between(random, 0.02f, 0.08f);

  for (int y = 0; y < kSide; ++y) {
    const float fy = static_cast<float>(y);
    float inside[kSide], over[kStrokes][kSide], background_wave[kSide], foreground_wave[kSide];
    std::uint32_t noise_bits[kSide];
    for (int x = 0; x < kSide; ++x) {
      const float fx = static_cast<float>(x);
      inside[x] = coverage(pose.distance(shape, fx, fy));
      for (int s = 0; s < kStrokes; ++s) over[s][x] = coverage(strokes[s].distance(fx, fy));
      noise_bits[x] = random.next_u32();
    }
    // Loops without branches, for the compiler to vectorise.
    for (int x = 0; x < kSide; ++x) {
      background_wave[x] = background.wave(static_cast<float>(x), fy);
      foreground_wave[x] = foreground.wave(static_cast<float>(x), fy);
    }
    for (int c = 0; c < 3; ++c) {
      std::uint8_t* row = chw + (c * kSide + y) * kSide;
      for (int x = 0; x < kSide; ++x) {
        const float behind = background.colour.rgb[c] + background.stripes.rgb[c] * background_wave[x];
        const float front = foreground.colour.rgb[c] + foreground.stripes.rgb[c] * foreground_wave[x];
        float value = behind + (front - behind) * inside[x];
        for (int s = 0; s < kStrokes; ++s) value += (strokes[s].colour.rgb[c] - value) * over[s][x];
        const auto grain = static_cast<int>(noise_bits[x] >> (8 * c) & 255u);
        value += noise * (static_cast<float>(grain) * (1.0f / 127.5f) - 1.0f);
        // Clamped as an integer, which takes no branch.
        const int level = static_cast<int>(value * 255.0f + 0.5f);
        row[x] = static_cast<std::uint8_t>(std::min(std::max(level, 0), 255));
      }
    }
  }
  return label;
}

std::shared_ptr<const Dataset> synthetic_dataset(std::uint64_t seed, std::string_view split,
                                                 std::int64_t images) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images * kImageBytes));  // [N, 3, 32, 32]
  std::vector<std::int32_t> labels(static_cast<std::size_t>(images));                // [N]
  constexpr std::int64_t kTaskImages = 64;
  kernels::parallel_for((images + kTaskImages - 1) / kTaskImages, [&](std::int64_t task) {
    const std::int64_t end = std::min(images, (task + 1) * kTaskImages);
    for (std::int64_t i = task * kTaskImages; i < end; ++i) {
      labels[static_cast<std::size_t>(i)] = draw_synthetic(seed, split, i, pixels.data() + i * kImageBytes);
    }
  });
  return std::make_shared<MemoryDataset>(Shape{3, kSide, kSide}, kShapeClasses, std::move(pixels),
                                         std::move(labels));
}

void SyntheticSpec::fields(FieldVisitor& v) {
  constexpr std::int64_t kMost = 10'000'000;
  v.field("train_images", train_images, "training images", {1, kMost});
  v.field("validation_images", validation_images, "validation images", {0, kMost});
  v.field("test_images", test_images, "test images", {1, kMost});
  v.field("seed", seed, "seed of the drawings", {0, std::int64_t{1} << 53});
}

Splits SyntheticSpec::load() const {
  const auto key = static_cast<std::uint64_t>(seed);
  Splits splits;
  splits.name = "synthetic";
  splits.description = fmt::format("synthetic shapes, seed {}: {} training, {} validation and {} test images",
                                   seed, train_images, validation_images, test_images);
  splits.train = synthetic_dataset(key, "train", train_images);
  if (validation_images > 0) splits.validation = synthetic_dataset(key, "validation", validation_images);
  splits.test = synthetic_dataset(key, "test", test_images);
  splits.normalisation = {{0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}};
  return splits;
}

}  // namespace espalier::datasets
