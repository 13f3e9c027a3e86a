#include "kernels/conv2d/direct.h"

namespace espalier::kernels {
ESPALIER_DIRECT_KERNELS(portable);
}  // namespace espalier::kernels
