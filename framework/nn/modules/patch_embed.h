#pragma once

#include "framework/nn/modules/conv2d.h"

namespace espalier::nn {

// Pixels as tokens: [N, C, H, W] -> [N, H*W, C], row by row.
Tensor image_tokens(const Tensor& image);

// Cuts images into squares of `patch` pixels and maps each to a token (Dosovitskiy et al., arXiv:2010.11929):
// [N, C, H, W] -> [N, H/patch * W/patch, dim]. A convolution whose stride is its kernel, named as timm's
// PatchEmbed.
//
//   proj.weight [dim, C, patch, patch], proj.bias [dim]
class PatchEmbed : public Module {
 public:
  PatchEmbed(std::int64_t channels, std::int64_t dim, std::int64_t patch);

  // Throws Error unless the patches cover the image.
  Tensor forward(const Tensor& x) override;
  std::string type_name() const override { return "PatchEmbed"; }

 private:
  std::int64_t patch_;
  std::shared_ptr<Conv2d> proj_;
};

}  // namespace espalier::nn
