#include "datasets/decode_image.h"

#include <memory>

#include "datasets/read_file.h"
#include "framework/core/error.h"

// Only the two decoders that are needed, and no reading of files: the less there is, the less can be
// attacked.
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 8192
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace espalier::datasets {

static_assert(STBI_MAX_DIMENSIONS == kLargestImageSide);

Image decode_image(const std::filesystem::path& path) {
  const auto refuse = [&](const char* reason) {
    fail(ErrorKind::integrity, "image",
         "{}: {}; expected a PNG or JPEG file of at most {}x{} pixels and {} bytes", path.string(), reason,
         kLargestImageSide, kLargestImageSide, kLargestImageFileBytes);
  };
  const std::vector<std::uint8_t> file = read_up_to(path, kLargestImageFileBytes + 1, "image");
  if (file.size() > kLargestImageFileBytes) refuse("the file is too large");
  const int size = static_cast<int>(file.size());
  int width = 0, height = 0, channels = 0;
  if (stbi_info_from_memory(file.data(), size, &width, &height, &channels) == 0)
    refuse(stbi_failure_reason());
  if (width < 1 || height < 1 || width > kLargestImageSide || height > kLargestImageSide) {
    refuse("the image is too large");
  }
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(file.data(), size, &width, &height, &channels, 3), &stbi_image_free);
  if (!pixels) refuse(stbi_failure_reason());
  const std::int64_t bytes = std::int64_t{3} * height * width;
  return {height, width, std::vector<std::uint8_t>(pixels.get(), pixels.get() + bytes)};
}

}  // namespace espalier::datasets
