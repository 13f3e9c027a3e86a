// For loops that read several rows through constant distances.
#pragma once

#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

// The same pointer, of which the compiler knows nothing: it stands in a register, and what is read beside it
// is a constant away. Where it knows how one pointer follows from another, GCC gives every element that an
// unrolled loop reads an address of its own, more than there are registers for, and fetches and adds those
// in between the multiply-adds.
template <class T>
ESPALIER_INLINE T* opaque(T* pointer) {
  asm("" : "+r"(pointer));
  return pointer;
}

}  // namespace
}  // namespace espalier::kernels
