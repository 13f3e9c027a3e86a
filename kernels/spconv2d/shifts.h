// A convolution as shifts between planes, one axis at a time. With stride S, coordinate i of the strided side
// is S * r + phase: phase names one of S interleaved planes, r the place in it. Then a tap joins one plane
// of the input to one plane of the output at a constant distance, whatever the stride:
//
//   forward        the output has one plane, the input S   i = o*S - pad + k = S * (o + distance) + in_phase
//   backward data  the output (diff_src) has S planes,     (i + pad - k) / S = r + distance,
//                  the input one                           i = S * r + out_phase
//
// So the kernels below know no stride: their inner loops step from a pixel to its neighbour.
#pragma once

namespace espalier::kernels {
namespace {

struct ShiftAxis {
  int out, in;  // sizes
  int kernel, stride, pad;
  bool backward;

  int out_phases() const { return backward ? stride : 1; }
  int in_phases() const { return backward ? 1 : stride; }
  // Places in the largest plane of the output.
  int places() const { return (out + out_phases() - 1) / out_phases(); }
};

struct Shift {
  int out_phase, in_phase, distance;
};

inline Shift shift_of(const ShiftAxis& axis, int k) {
  const int offset = k - axis.pad, phase = (offset % axis.stride + axis.stride) % axis.stride;
  if (axis.backward) return {phase, 0, (phase - offset) / axis.stride};
  return {0, phase, (offset - phase) / axis.stride};
}

// The smallest distance of any tap, and how much larger the largest is.
struct ShiftRange {
  int low, span;
};

inline ShiftRange shift_range(const ShiftAxis& axis) {
  int low = shift_of(axis, 0).distance, high = low;
  for (int k = 1; k < axis.kernel; ++k) {
    const int distance = shift_of(axis, k).distance;
    low = distance < low ? distance : low;
    high = distance > high ? distance : high;
  }
  return {low, high - low};
}

}  // namespace
}  // namespace espalier::kernels
