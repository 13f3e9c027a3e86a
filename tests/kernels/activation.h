// An activation of either element, and the comparison of what a kernel wrote with the truth.
#pragma once

#include <cmath>
#include <utility>

#include "kernels/base/element.h"
#include "tests/kernels/support.h"

namespace espalier::kernels {

inline constexpr Element kElements[] = {Element::f32, Element::bf16};

// An activation as the reference reads it and as a kernel does: two copies of the same numbers, which bf16
// holds.
struct Activation {
  Floats wide;
  Element element;
  Floats narrow;  // the memory of bf16, unless element is f32

  Activation(Floats values, Element type)
      : wide(std::move(values)), element(type), narrow((wide.size() + 1) / 2) {
    for (std::size_t i = 0; element == Element::bf16 && i < wide.size(); ++i) {
      halves()[i] = round_to_bf16(wide.data()[i]);
      wide.data()[i] = widen(halves()[i]);
    }
  }
  // What a kernel is about to write.
  Activation(std::size_t size, Element type) : Activation(Floats(size), type) {}

  void* data() { return element == Element::f32 ? wide.data() : narrow.data(); }
  const void* data() const { return const_cast<Activation*>(this)->data(); }
  // After a kernel has written.
  const Floats& written() {
    for (std::size_t i = 0; element == Element::bf16 && i < wide.size(); ++i)
      wide.data()[i] = widen(halves()[i]);
    return wide;
  }

  Bf16* halves() { return reinterpret_cast<Bf16*>(narrow.data()); }
};

// The largest error of what was written beyond what rounding to the element takes: half of the last of 8
// bits.
inline double max_error(Activation& actual, const Floats& truth) {
  const Floats& written = actual.written();
  if (actual.element == Element::f32) return max_difference(written, truth);
  double largest = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double expected = truth.data()[i],
                 error = std::fabs(written.data()[i] - expected) - std::fabs(expected) / 256.0;
    if (!(error <= largest)) largest = std::isnan(error) ? HUGE_VAL : error;
  }
  return largest;
}

}  // namespace espalier::kernels
