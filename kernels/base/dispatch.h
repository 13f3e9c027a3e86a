// How the kernels that were compiled become a choice at run time. There are two kinds of family:
//
// - Its kernels differ from ISA to ISA, and which is best from shape to shape (conv2d): each row of its
//   kernels.inc names one kernel, best first, the portable ones last.
// - One body serves every ISA (all others): it is written once over Vec, and the family's generic.cpp makes a
//   table of function pointers of it. CMake compiles that once per ISA.
//
// The same rows feed the dispatch, the test that runs every kernel this CPU supports, and the benchmark.
#pragma once

#include <iterator>

#include "kernels/base/isa.h"

namespace espalier::kernels {

// May a kernel compiled for `isa` be picked in this process?
inline bool isa_eligible(Isa isa) { return isa <= isa_limit(); }

// The first table of a family, in the order of its rows, that may be used; the last is portable. A table is a
// struct of function pointers with a member `isa`.
template <class Rows>
const auto& first_eligible(const Rows& rows) {
  auto row = std::begin(rows);
  const auto portable = std::end(rows) - 1;
  while (row != portable && !isa_eligible((*row)->isa)) ++row;
  return **row;
}

// The table of a family as compiled for one ISA. Its generic.cpp specialises this for kCompiledIsa and nobody
// defines the general case, so a family that was not compiled for an ISA does not link.
template <class Kernels, Isa isa>
const Kernels& kernels_for();

// In a generic.cpp: both tables of a family over activations of f32 and bf16, from its kKernels<T>.
#define ESPALIER_KERNELS_FOR_ELEMENTS(Kernels)                        \
  template <>                                                         \
  const Kernels<float>& kernels_for<Kernels<float>, kCompiledIsa>() { \
    return kKernels<float>;                                           \
  }                                                                   \
  template <>                                                         \
  const Kernels<Bf16>& kernels_for<Kernels<Bf16>, kCompiledIsa>() {   \
    return kKernels<Bf16>;                                            \
  }                                                                   \
  static_assert(true)

// The tables of a family, best first, whether or not this CPU can run them.
template <class Kernels>
const auto& compiled_kernels() {
  static const Kernels* const rows[] = {
#if defined(ESPALIER_X86) && !defined(ESPALIER_PORTABLE_ONLY)
    &kernels_for<Kernels, Isa::avx512bf16>(),
    &kernels_for<Kernels, Isa::avx512>(),
    &kernels_for<Kernels, Isa::avx2>(),
#elif defined(ESPALIER_ARM) && !defined(ESPALIER_PORTABLE_ONLY)
    &kernels_for<Kernels, Isa::neon>(),
#endif
    &kernels_for<Kernels, Isa::portable>()
  };
  return rows;
}

// The table that this process uses.
template <class Kernels>
const Kernels& active_kernels() {
  static const Kernels& active = first_eligible(compiled_kernels<Kernels>());
  return active;
}

}  // namespace espalier::kernels
