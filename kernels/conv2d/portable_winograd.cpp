#include "kernels/conv2d/winograd.h"

namespace espalier::kernels {
ESPALIER_WINOGRAD_KERNELS(f32, float, wino4x4, F4x4, portable);
ESPALIER_SMALL_WINOGRAD_KERNEL(portable);
ESPALIER_WINOGRAD_KERNELS(bf16, Bf16, wino4x4, F4x4, portable);
}  // namespace espalier::kernels
