// Images of any size to a square of one size.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/decode_image.h"

namespace espalier::datasets {

// The centre square of `image`, resampled to side x side pixels: [3, side, side].
//
// Each line is filtered with a triangle whose half width is one output pixel when shrinking (so that every
// input pixel counts) and one input pixel when enlarging (bilinear interpolation), as Pillow's BILINEAR does:
//   out[i] = sum_j w((j + 0.5 - centre_i) / s) in[j] / sum_j w(...),   w(t) = max(0, 1 - |t|)
//   centre_i = (i + 0.5) * in_size / out_size,   s = max(1, in_size / out_size)
std::vector<std::uint8_t> resize_to_square(const Image& image, std::int64_t side);

}  // namespace espalier::datasets
