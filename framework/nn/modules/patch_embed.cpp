#include "framework/nn/modules/patch_embed.h"

#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/reshape.h"
#include "framework/ops/transpose.h"

namespace espalier::nn {

Tensor image_tokens(const Tensor& image) {
  return ops::transpose(ops::reshape(image, {image.dim(0), image.dim(1), -1}), 1, 2);
}

PatchEmbed::PatchEmbed(std::int64_t channels, std::int64_t dim, std::int64_t patch) : patch_(patch) {
  proj_ = register_module(
      "proj",
      std::make_shared<Conv2d>(channels, dim, patch, Conv2d::Options{.stride = static_cast<int>(patch)}));
}

Tensor PatchEmbed::forward(const Tensor& x) {
  ops::check_activation(x, 4, "PatchEmbed", "x", "[N, C, H, W]");
  check(x.dim(2) % patch_ == 0 && x.dim(3) % patch_ == 0, "PatchEmbed",
        "patches of {0}x{0} expect images of a multiple of that, got {1}x{2}", patch_, x.dim(2), x.dim(3));
  return image_tokens((*proj_)(x));
}

}  // namespace espalier::nn
