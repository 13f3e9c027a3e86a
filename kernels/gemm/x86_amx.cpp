#include "kernels/gemm/linear_tiles.h"

namespace espalier::kernels {

template <>
const LinearBf16Kernels& kernels_for<LinearBf16Kernels, Isa::amx>() {
  static constexpr LinearBf16Kernels kernels = linear_tiles_kernels(Isa::amx);
  return kernels;
}

}  // namespace espalier::kernels
