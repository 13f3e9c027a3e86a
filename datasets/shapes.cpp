#include "datasets/shapes.h"

#include <algorithm>
#include <cmath>

namespace espalier::datasets {
namespace {

float length(float x, float y) { return std::sqrt(x * x + y * y); }

// From the outline of a box with these half sides; exact along the sides, which is where it matters.
float box(float x, float y, float half_width, float half_height) {
  return std::max(std::fabs(x) - half_width, std::fabs(y) - half_height);
}

float disc(float x, float y) { return length(x, y) - 0.85f; }

float ring(float x, float y) { return std::fabs(length(x, y) - 0.75f) - 0.2f; }

float square(float x, float y) { return box(x, y, 0.75f, 0.75f); }

float frame(float x, float y) { return std::fabs(box(x, y, 0.65f, 0.65f)) - 0.18f; }

float triangle(float x, float y) {
  constexpr float kHalfSqrt3 = 0.8660254f;
  return std::max(std::fabs(x) * kHalfSqrt3 + y * 0.5f, -y) - 0.5f;
}

float cross(float x, float y) { return std::min(box(x, y, 1.0f, 0.28f), box(x, y, 0.28f, 1.0f)); }

float bar(float x, float y) { return box(x, y, 1.0f, 0.35f); }

float two_bars(float x, float y) { return box(x, std::fabs(y) - 0.5f, 0.95f, 0.2f); }

float crescent(float x, float y) { return std::max(length(x, y) - 0.9f, 0.7f - length(x - 0.45f, y)); }

float two_discs(float x, float y) { return length(std::fabs(x) - 0.55f, y) - 0.4f; }

}  // namespace

const std::array<ShapeClass, kShapeClasses> kShapes = {{{"disc", disc},
                                                        {"ring", ring},
                                                        {"square", square},
                                                        {"frame", frame},
                                                        {"triangle", triangle},
                                                        {"cross", cross},
                                                        {"bar", bar},
                                                        {"two bars", two_bars},
                                                        {"crescent", crescent},
                                                        {"two discs", two_discs}}};

float distance_to_segment(float x, float y, float bx, float by) {
  const float along = std::clamp((x * bx + y * by) / (bx * bx + by * by), 0.0f, 1.0f);
  return length(x - along * bx, y - along * by);
}

}  // namespace espalier::datasets
