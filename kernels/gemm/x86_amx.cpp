#include "kernels/gemm/linear_tiles.h"

namespace espalier::kernels {

template <>
const LinearBf16Kernels& kernels_for<LinearBf16Kernels, Isa::amx>() {
  static constexpr LinearBf16Kernels kernels = {.isa = Isa::amx,
                                                .scratch_bytes = linear_tiles_scratch_bytes,
                                                .fwd = linear_tiles_fwd,
                                                .bwd_data = linear_tiles_bwd_data,
                                                .bwd_weights = linear_tiles_bwd_weights};
  return kernels;
}

}  // namespace espalier::kernels
