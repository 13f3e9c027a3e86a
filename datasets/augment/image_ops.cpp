#include "datasets/augment/image_ops.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace espalier::datasets {
namespace {

std::int64_t pixels_of(const Shape& shape) { return shape[1] * shape[2]; }

// From `from` at 0 to `to` at 1, cut off at the ends of a byte.
std::uint8_t blend(int from, int to, double factor) {
  const float value = static_cast<float>(from) + static_cast<float>(factor) * static_cast<float>(to - from);
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

// Luma of ITU-R 601, in 16 bits of fraction.
std::uint8_t grey(const std::uint8_t* image, std::int64_t pixels, std::int64_t channels, std::int64_t p) {
  if (channels != 3) return image[p];
  const std::int64_t sum = 19595 * image[p] + 38470 * image[pixels + p] + 7471 * image[2 * pixels + p];
  return static_cast<std::uint8_t>((sum + 0x8000) >> 16);
}

// Replaces every value of a channel.
using Table = std::array<std::uint8_t, 256>;
void look_up(std::uint8_t* channel, std::int64_t pixels, const Table& table) {
  for (std::int64_t p = 0; p < pixels; ++p) channel[p] = table[channel[p]];
}

std::array<std::int64_t, 256> histogram_of(const std::uint8_t* channel, std::int64_t pixels) {
  std::array<std::int64_t, 256> histogram{};
  for (std::int64_t p = 0; p < pixels; ++p) ++histogram[channel[p]];
  return histogram;
}

}  // namespace

void map_plane(std::uint8_t* image, std::uint8_t* scratch, const Shape& shape, const PlaneMap& map) {
  const std::int64_t height = shape[1], width = shape[2], pixels = pixels_of(shape);
  std::copy_n(image, shape.numel(), scratch);
  const double centre_x = 0.5 * static_cast<double>(width), centre_y = 0.5 * static_cast<double>(height);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const double dx = static_cast<double>(x) + 0.5 - centre_x, dy = static_cast<double>(y) + 0.5 - centre_y;
      const auto from_x =
          static_cast<std::int64_t>(std::floor(map.ax * dx + map.bx * dy + map.cx + centre_x));
      const auto from_y =
          static_cast<std::int64_t>(std::floor(map.ay * dx + map.by * dy + map.cy + centre_y));
      const bool inside = from_x >= 0 && from_x < width && from_y >= 0 && from_y < height;
      for (std::int64_t c = 0; c < shape[0]; ++c) {
        image[c * pixels + y * width + x] =
            inside ? scratch[c * pixels + from_y * width + from_x] : std::uint8_t{0};
      }
    }
  }
}

void brightness(std::uint8_t* image, const Shape& shape, double factor) {
  for (std::int64_t i = 0; i < shape.numel(); ++i) image[i] = blend(0, image[i], factor);
}

void colour(std::uint8_t* image, const Shape& shape, double factor) {
  const std::int64_t pixels = pixels_of(shape);
  for (std::int64_t p = 0; p < pixels; ++p) {
    const int without = grey(image, pixels, shape[0], p);
    for (std::int64_t c = 0; c < shape[0]; ++c)
      image[c * pixels + p] = blend(without, image[c * pixels + p], factor);
  }
}

void contrast(std::uint8_t* image, const Shape& shape, double factor) {
  const std::int64_t pixels = pixels_of(shape);
  std::int64_t sum = 0;
  for (std::int64_t p = 0; p < pixels; ++p) sum += grey(image, pixels, shape[0], p);
  const auto mean = static_cast<int>(std::lround(static_cast<double>(sum) / static_cast<double>(pixels)));
  for (std::int64_t i = 0; i < shape.numel(); ++i) image[i] = blend(mean, image[i], factor);
}

void sharpness(std::uint8_t* image, std::uint8_t* scratch, const Shape& shape, double factor) {
  const std::int64_t height = shape[1], width = shape[2], pixels = pixels_of(shape);
  std::copy_n(image, shape.numel(), scratch);
  for (std::int64_t c = 0; c < shape[0]; ++c) {
    const std::uint8_t* from = scratch + c * pixels;
    std::uint8_t* to = image + c * pixels;
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const std::int64_t p = y * width + x;
        int smooth = from[p];
        if (y > 0 && y + 1 < height && x > 0 && x + 1 < width) {  // the border stays as it is
          std::int64_t sum = std::int64_t{4} * from[p];
          for (std::int64_t dy = -width; dy <= width; dy += width) {
            for (std::int64_t dx = -1; dx <= 1; ++dx) sum += from[p + dy + dx];
          }
          smooth = static_cast<int>(std::lround(static_cast<double>(sum) / 13.0));
        }
        to[p] = blend(smooth, from[p], factor);
      }
    }
  }
}

void posterize(std::uint8_t* image, const Shape& shape, int bits) {
  const auto kept = static_cast<std::uint8_t>(0xFF << (8 - bits));
  for (std::int64_t i = 0; i < shape.numel(); ++i) image[i] &= kept;
}

void solarize(std::uint8_t* image, const Shape& shape, int threshold) {
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    if (image[i] >= threshold) image[i] = static_cast<std::uint8_t>(255 - image[i]);
  }
}

void auto_contrast(std::uint8_t* image, const Shape& shape) {
  const std::int64_t pixels = pixels_of(shape);
  for (std::int64_t c = 0; c < shape[0]; ++c) {
    std::uint8_t* channel = image + c * pixels;
    const auto [low, high] = std::minmax_element(channel, channel + pixels);
    if (*high <= *low) continue;
    const double scale = 255.0 / (*high - *low), offset = -*low * scale;
    Table table{};
    for (std::size_t v = 0; v < table.size(); ++v)
      table[v] = static_cast<std::uint8_t>(std::clamp(static_cast<double>(v) * scale + offset, 0.0, 255.0));
    look_up(channel, pixels, table);
  }
}

void equalize(std::uint8_t* image, const Shape& shape) {
  const std::int64_t pixels = pixels_of(shape);
  for (std::int64_t c = 0; c < shape[0]; ++c) {
    std::uint8_t* channel = image + c * pixels;
    const std::array<std::int64_t, 256> histogram = histogram_of(channel, pixels);
    const auto brightest =
        std::find_if(histogram.rbegin(), histogram.rend(), [](std::int64_t n) { return n > 0; });
    const std::int64_t step = (pixels - *brightest) / 255;  // pixels a level, without the brightest's
    if (step == 0) continue;
    Table table{};
    std::int64_t below = step / 2;
    for (std::size_t v = 0; v < table.size(); ++v) {
      table[v] = static_cast<std::uint8_t>(std::min<std::int64_t>(below / step, 255));
      below += histogram[v];
    }
    look_up(channel, pixels, table);
  }
}

}  // namespace espalier::datasets
