#include "datasets/augment/random_crop.h"

#include <algorithm>
#include <cstring>

#include "datasets/augment/reflect.h"

namespace espalier::datasets {
namespace {

// One row of the window: `row` shifted by dx, what lies outside filled in by the mode.
void crop_row(const std::uint8_t* row, std::uint8_t* dst, std::int64_t width, std::int64_t dx, Padding mode) {
  const std::int64_t begin = std::max<std::int64_t>(0, -dx);  // dst pixels that lie inside the image
  const std::int64_t end = std::min(width, width - dx);
  const auto outside = [&](std::int64_t x) {
    return mode == Padding::reflect ? row[reflected(x + dx, width)] : std::uint8_t{0};
  };
  for (std::int64_t x = 0; x < begin; ++x) dst[x] = outside(x);
  std::memcpy(dst + begin, row + begin + dx, static_cast<std::size_t>(end - begin));
  for (std::int64_t x = end; x < width; ++x) dst[x] = outside(x);
}

}  // namespace

void random_crop(const std::uint8_t* src, std::uint8_t* dst, const Shape& image_shape, std::int64_t padding,
                 Padding mode, Random& random) {
  const std::int64_t channels = image_shape[0], height = image_shape[1], width = image_shape[2];
  const auto places = static_cast<std::uint32_t>(2 * padding + 1);
  const std::int64_t dy = static_cast<std::int64_t>(random.below(places)) - padding;
  const std::int64_t dx = static_cast<std::int64_t>(random.below(places)) - padding;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t y = 0; y < height; ++y, dst += width) {
      const std::int64_t source_y = y + dy;
      const bool inside = source_y >= 0 && source_y < height;
      if (!inside && mode == Padding::zero) {
        std::memset(dst, 0, static_cast<std::size_t>(width));
      } else {
        const std::uint8_t* row =
            src + (c * height + (inside ? source_y : reflected(source_y, height))) * width;
        crop_row(row, dst, width, dx, mode);
      }
    }
  }
}

}  // namespace espalier::datasets
