// What the products on tiles are taken of: a convolution over planes, wherever its channels and pixels lie.
// A linear layer is one, of 1x1, over its tokens.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/tiles/tiles.h"

namespace espalier::kernels {
namespace {

// One side: an activation of channels over rows x columns of pixels. Elements from one to the next.
struct TilePlanes {
  int channels, rows, columns;
  std::int64_t image, channel, row, column;
};

struct TileShape {
  std::int64_t images;  // groups of 16
  TilePlanes src, dst;
  int KH, KW, SH, SW, PH, PW;

  int taps() const { return KH * KW; }
};

constexpr int tiles_for(int channels, int of) { return (channels + of - 1) / of; }
// Channels in the tile that begins with channel `first`.
constexpr int channels_from(const TilePlanes& planes, int first) {
  return planes.channels - first < kTileSide ? planes.channels - first : kTileSide;
}
constexpr int floor_divide(int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

}  // namespace
}  // namespace espalier::kernels
