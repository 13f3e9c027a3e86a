// Changes of a whole image with a strength: the vocabulary of automatic augmentation policies. Images are
// [C, H, W] bytes, C = 3 or 1; every operation changes `image` in place and may use `scratch`, of its size.
// The colours and sharpness follow Pillow to the bit (tests/goldens/image_ops.py); geometry takes the nearest
// pixel, black outside.
#pragma once

#include <cstdint>

#include "framework/tensor/shape.h"

namespace espalier::datasets {

// A map of the plane, relative to the image's centre: the pixel at (x, y) is taken from (ax x + bx y + cx,
// ay x + by y + cy).
struct PlaneMap {
  double ax = 1.0, bx = 0.0, cx = 0.0;
  double ay = 0.0, by = 1.0, cy = 0.0;
};
void map_plane(std::uint8_t* image, std::uint8_t* scratch, const Shape& shape, const PlaneMap& map);

// Between a changed image at factor 0 and the image at 1, beyond it above: black, grey, of mean grey,
// smoothed.
void brightness(std::uint8_t* image, const Shape& shape, double factor);
void colour(std::uint8_t* image, const Shape& shape, double factor);
void contrast(std::uint8_t* image, const Shape& shape, double factor);
void sharpness(std::uint8_t* image, std::uint8_t* scratch, const Shape& shape, double factor);

// Keeps the upper `bits` of every value, 1 .. 8.
void posterize(std::uint8_t* image, const Shape& shape, int bits);
// Inverts values of `threshold` and above.
void solarize(std::uint8_t* image, const Shape& shape, int threshold);
// Stretches each channel's values over 0 .. 255.
void auto_contrast(std::uint8_t* image, const Shape& shape);
// Spreads each channel's histogram evenly.
void equalize(std::uint8_t* image, const Shape& shape);

}  // namespace espalier::datasets
