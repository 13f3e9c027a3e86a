// The shapes of the synthetic data set, one a class, as distance functions: negative inside, positive
// outside, in a frame where a shape is about 1 in radius. Only + - * / and sqrt are used, which IEEE 754
// defines to the last bit: every machine draws the same images.
#pragma once

#include <array>

namespace espalier::datasets {

struct ShapeClass {
  const char* name;
  float (*distance)(float x, float y);
};

inline constexpr int kShapeClasses = 10;
extern const std::array<ShapeClass, kShapeClasses> kShapes;

// From a point to the segment from the origin to (bx, by).
float distance_to_segment(float x, float y, float bx, float by);

}  // namespace espalier::datasets
