// Few images in lanes: the lanes of a vector are a grid of sub-images of one image, not 16 images.
//
//   lane (i, j) = i * columns + j of vector (y, x):  pixel (i*h + y, j*w + x),  h = H / rows, w = W / columns
//
//   image      [N][C][h*w | 1][16]                a group of lanes an image (kernels/base/lanes.h); lanes
//                                                 beyond the grid are finite and count for nothing
//
//   with halo  [N][C][(h+2PH)*(w+2PW) | 1][16]    the neighbours' pixels around each sub-image, zeros
//                                                 outside the image
//
// To every other kernel a lane is an image of its own. So a convolution of the image with padding PH, PW is
// one of the planes with halo without padding, and a pointwise or a pooling kernel needs no change at all.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/lanes.h"

namespace espalier::kernels {

// rows * columns <= 16. 1 x 1: the lanes are images.
struct Subgrid {
  int rows = 1, columns = 1;

  int lanes() const { return rows * columns; }
  bool operator==(const Subgrid&) const = default;
};

// The grid divides the planes.
struct SubimageShape {
  std::int64_t N = 0;
  int C = 0, H = 0, W = 0;
  Subgrid grid;

  int h() const { return H / grid.rows; }
  int w() const { return W / grid.columns; }
  // As kernels see it: groups of 16 sub-images.
  LaneShape lanes() const {
    return image_lanes(grid.lanes() == 1 ? N : N * kLanes, C, std::int64_t{h()} * w());
  }
};

struct SubimageKernels {
  Isa isa;
  // plain [N][C][H][W] -> lanes
  void (*split)(const SubimageShape& shape, const float* plain, float* dst);
  // To the lanes of another grid.
  void (*regrid)(const SubimageShape& shape, Subgrid to, const float* src, float* dst);
  // `src` may be read up to 64 bytes before its begin and behind its end: a neighbour's lane is a load that
  // begins some lanes off.
  void (*halo)(const SubimageShape& shape, int PH, int PW, const float* src, float* dst);
  // dst [N/16][C][16]: the mean over the image; the lanes are images again.
  void (*global_average)(const SubimageShape& shape, const float* src, float* dst);
};

inline const SubimageKernels& subimage() { return active_kernels<SubimageKernels>(); }

}  // namespace espalier::kernels
