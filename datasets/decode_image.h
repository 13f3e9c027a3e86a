// PNG and JPEG files to pixels, by stb_image. The files may be hostile: sizes are checked before anything is
// decoded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace espalier::datasets {

inline constexpr std::int64_t kLargestImageFileBytes = 64 << 20;
inline constexpr int kLargestImageSide = 8192;

struct Image {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // [H, W, 3]: red, green, blue
};

// Grey images get three equal channels; transparency is dropped. Throws Error with the file's name: io when
// it cannot be read, integrity when it is too large, damaged or neither PNG nor JPEG.
Image decode_image(const std::filesystem::path& path);

}  // namespace espalier::datasets
