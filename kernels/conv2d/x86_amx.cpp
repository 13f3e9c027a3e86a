#include "kernels/conv2d/tiles.h"

namespace espalier::kernels {
ESPALIER_TILE_KERNELS(amx);
}  // namespace espalier::kernels
