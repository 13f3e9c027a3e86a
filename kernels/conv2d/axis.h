// Which taps of the kernel reach an output coordinate along one axis, and from which input coordinates.
//
//   forward        i = o*stride - pad + k                        every k with i inside
//   backward data  i = (o + pad - k) / stride                    every k with i whole and inside
//
// In backward data "output" is diff_src and "input" diff_dst. Most coordinates see the same taps at the same
// distances: all inner ones in a forward pass, each phase of the stride in backward data; some see fewer, at
// the borders. Coordinates that see the same taps form a class and share one inner loop: it needs no test for
// the border, multiplies no zeros of the padding, and none of the holes that a stride leaves in backward
// data.
#pragma once

#include <cstdint>

#include "kernels/base/scratch.h"
#include "kernels/conv2d/conv2d.h"

namespace espalier::kernels {
namespace {

struct AxisShape {
  int out, in;  // sizes
  int kernel, stride, pad;
  bool backward;
};

// What one output coordinate sees: kernel indices first_tap + t * tap_step, t < taps, at input coordinates
// first_in + t * in_step.
struct AxisReach {
  int first_tap, taps, first_in;
};

inline int larger(int a, int b) { return a > b ? a : b; }
inline int smaller(int a, int b) { return a < b ? a : b; }

inline AxisReach axis_reach(const AxisShape& s, int o) {
  AxisReach reach;
  int taps;
  if (s.backward) {
    const int at = o + s.pad;
    reach.first_tap = larger(at % s.stride, at - (s.in - 1) * s.stride);
    reach.first_in = (at - reach.first_tap) / s.stride;
    const int last_tap = smaller(s.kernel - 1, at);
    taps = last_tap < reach.first_tap ? 0 : (last_tap - reach.first_tap) / s.stride + 1;
  } else {
    const int at = o * s.stride - s.pad;
    reach.first_tap = larger(0, -at);
    reach.first_in = at + reach.first_tap;
    taps = smaller(s.kernel, s.in - at) - reach.first_tap;
  }
  if (taps <= 0) return {0, 0, 0};
  reach.taps = taps;
  return reach;
}

// The taps of one class of an axis are tap_step apart, so they belong to one phase: its remainder. Taps of
// different phases never meet in a sum. Forward there is one phase.
struct AxisPhases {
  int kernel, tap_step;

  int count() const { return smaller(kernel, tap_step); }
  int taps(int phase) const { return (kernel - phase + tap_step - 1) / tap_step; }
  int taps_before(int phase) const {
    int taps_so_far = 0;
    for (int i = 0; i < phase; ++i) taps_so_far += taps(i);
    return taps_so_far;
  }
};
inline AxisPhases axis_phases(const AxisShape& s) { return {s.kernel, s.backward ? s.stride : 1}; }

struct AxisClass {
  int first_tap, taps;
  int begin, end;  // its coordinates are Axis::out[begin .. end), ascending
};

struct Axis {
  int tap_step, in_step;
  AxisClass* classes;  // [class_count]
  int class_count;
  int* out;       // [AxisShape::out] output coordinates, class by class
  int* first_in;  // [AxisShape::out] the input coordinate of the first tap
};

// No axis has more classes: one for each phase, at most one for each tap cut off at either end, and the
// coordinates without a tap.
inline int max_axis_classes(const AxisShape& s) { return smaller(s.out, s.stride + 2 * s.kernel + 1); }

inline Axis build_axis(const AxisShape& s, ScratchLayout& scratch) {
  Axis axis;
  axis.tap_step = s.backward ? s.stride : 1;
  axis.in_step = s.backward ? -1 : 1;
  axis.classes = scratch.take<AxisClass>(max_axis_classes(s));
  axis.out = scratch.take<int>(s.out);
  axis.first_in = scratch.take<int>(s.out);
  axis.class_count = 0;
  if (axis.out == nullptr) return axis;
  int placed = 0;
  for (int first = 0; placed < s.out; ++first) {
    const AxisReach wanted = axis_reach(s, first);
    bool known = false;
    for (int c = 0; c < axis.class_count; ++c) {
      known |= axis.classes[c].first_tap == wanted.first_tap && axis.classes[c].taps == wanted.taps;
    }
    if (known) continue;
    AxisClass& made = axis.classes[axis.class_count++];
    made = {wanted.first_tap, wanted.taps, placed, placed};
    for (int o = first; o < s.out; ++o) {
      const AxisReach reach = axis_reach(s, o);
      if (reach.first_tap != wanted.first_tap || reach.taps != wanted.taps) continue;
      axis.out[placed] = o;
      axis.first_in[placed] = reach.first_in;
      made.end = ++placed;
    }
  }
  return axis;
}

}  // namespace
}  // namespace espalier::kernels
