#include "kernels/conv2d/direct.h"

namespace espalier::kernels {
ESPALIER_DIRECT_BF16_KERNELS(avx512bf16);
}  // namespace espalier::kernels
