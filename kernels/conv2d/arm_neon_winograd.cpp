#include "kernels/conv2d/winograd.h"

namespace espalier::kernels {
ESPALIER_WINOGRAD_KERNELS(neon);
}  // namespace espalier::kernels
