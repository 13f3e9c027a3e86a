#include "kernels/conv2d/winograd.h"

namespace espalier::kernels {
ESPALIER_WINOGRAD_KERNELS(bf16, Bf16, wino2x2, F2x2<Bf16Product>, avx512bf16);
}  // namespace espalier::kernels
