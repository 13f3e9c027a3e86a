// What the products on tiles are taken of: a convolution over planes, wherever its channels and pixels lie.
// A linear layer is one, of 1x1, over its tokens.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/conv2d/conv2d.h"
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

inline TileShape tile_shape(const Conv2dShape& s) {
  const auto planes = [](int channels, int rows, int columns) {
    const std::int64_t plane = plane_vectors(std::int64_t{rows} * columns) * kLanes;
    return TilePlanes{channels, rows, columns, channels * plane, plane, std::int64_t{columns} * kLanes,
                      kLanes};
  };
  return {groups(s.N), planes(s.IC, s.IH, s.IW), planes(s.OC, s.OH(), s.OW()), s.KH, s.KW, s.SH, s.SW, s.PH,
          s.PW};
}

// A linear layer's tokens as planes of so many columns.
inline TileShape tile_shape(std::int64_t images, int tokens, int IC, int OC, int columns) {
  const auto planes = [&](int channels) {
    const std::int64_t token = std::int64_t{channels} * kLanes;
    return TilePlanes{channels, tokens / columns, columns, tokens * token, kLanes, columns * token, token};
  };
  return {images, planes(IC), planes(OC), 1, 1, 1, 1, 0, 0};
}

constexpr int tiles_for(int channels, int of) { return (channels + of - 1) / of; }
// Channels in the tile that begins with channel `first`.
constexpr int channels_from(const TilePlanes& planes, int first) {
  return planes.channels - first < kTileSide ? planes.channels - first : kTileSide;
}
constexpr int floor_divide(int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

}  // namespace
}  // namespace espalier::kernels
