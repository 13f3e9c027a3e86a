// Vision transformers (Dosovitskiy et al., "An image is worth 16x16 words", arXiv:2010.11929), with the names
// of timm's VisionTransformer: cls_token, pos_embed, patch_embed.proj, blocks.0.attn.qkv, ..., norm, head.
#pragma once

#include <string>

#include "framework/nn/modules/dropout.h"
#include "framework/nn/modules/layer_norm.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/patch_embed.h"
#include "models/encoder.h"
#include "models/registry.h"

namespace espalier::models {

struct VitSettings {
  EncoderSettings encoder;
  std::int64_t patch = 4;
  std::string pool = "class";

  void fields(FieldVisitor& v);
  bool has_class_token() const { return pool == "class"; }
};

// Patches to tokens, with a class token before them or not; positions; blocks; a norm (fc_norm after a mean,
// as timm names it) and a linear layer of the class token or of the tokens' mean.
class Vit : public nn::Module {
 public:
  // `image` is [C, H, W]. Throws Error unless patches cover it and heads divide dim.
  Vit(const VitSettings& settings, const Shape& image, std::int64_t classes);

  Tensor forward(const Tensor& x) override;
  void reset_parameters(std::uint64_t seed) override;
  std::string type_name() const override { return "VisionTransformer"; }

 private:
  nn::Parameter* cls_token_ = nullptr;  // [1, 1, dim]; null: none
  nn::Parameter* pos_embed_ = nullptr;  // [1, tokens, dim]; null: fixed
  Tensor sines_;  // fixed positions instead, zeros for the class token: plain [1, tokens, dim], no state
  std::shared_ptr<nn::PatchEmbed> patch_embed_;
  std::shared_ptr<nn::Dropout> pos_drop_;
  std::shared_ptr<nn::Module> blocks_;
  std::shared_ptr<nn::LayerNorm> norm_;
  std::shared_ptr<nn::Linear> head_;
};

using VitSpec = SpecOf<Vit, VitSettings>;

}  // namespace espalier::models
