#include "models/vit.h"

#include <numeric>

#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/nn/positions.h"
#include "framework/ops/add.h"
#include "framework/ops/concat.h"
#include "framework/ops/mean.h"
#include "framework/ops/repeat_batch.h"
#include "framework/ops/reshape.h"
#include "framework/ops/slice.h"

namespace espalier::models {
namespace {

// Sines and cosines of the column and of the row have a quarter of the features each.
void check_sines(const EncoderSettings& encoder) {
  if (encoder.dim % 4 == 0) return;
  const std::int64_t step = std::lcm(std::int64_t{4}, encoder.heads);
  fail(ErrorKind::usage, "vit",
       "sine positions expect a dim that 4 divides, got {}; with {} heads take {}, or learned positions",
       encoder.dim, encoder.heads, (encoder.dim / step + 1) * step);
}

}  // namespace

void VitSettings::fields(FieldVisitor& v) {
  v.field("patch", patch, "side of the squares that become tokens, in pixels", {1, 4096});
  v.field("pool", pool, "what the classifier sees: a token of its own, or the mean of all",
          {"class", "mean"});
  encoder.fields(v);
}

Vit::Vit(const VitSettings& settings, const Shape& image, std::int64_t classes) {
  const std::int64_t dim = settings.encoder.dim, patch = settings.patch;
  if (image.rank() != 3 || image[1] % patch != 0 || image[2] % patch != 0) {
    fail(ErrorKind::usage, "vit", "patches of {0}x{0} expect images [C, H, W] of a multiple of that, got {1}",
         patch, image.str());
  }
  const std::int64_t rows = image[1] / patch, columns = image[2] / patch;
  const std::int64_t extra = settings.has_class_token() ? 1 : 0;
  const auto added = nn::ParameterKind::bias;  // neither multiplies anything: no decay, no pruning
  if (settings.has_class_token()) {
    cls_token_ = &register_parameter("cls_token", Tensor::empty({1, 1, dim}), added);
  }
  if (settings.encoder.learns_positions()) {
    pos_embed_ = &register_parameter("pos_embed", Tensor::empty({1, rows * columns + extra, dim}), added);
  } else {
    check_sines(settings.encoder);
    sines_ = nn::sine_positions_2d(rows, columns, dim);
    if (extra > 0) sines_ = ops::concat({Tensor::zeros({1, 1, dim}), sines_}, 1);
  }
  patch_embed_ = register_module("patch_embed", std::make_shared<nn::PatchEmbed>(image[0], dim, patch));
  pos_drop_ = register_module("pos_drop", std::make_shared<nn::Dropout>(settings.encoder.dropout));
  blocks_ =
      register_module("blocks", nn::transformer_blocks(settings.encoder.depth, settings.encoder.block()));
  norm_ = register_module(settings.has_class_token() ? "norm" : "fc_norm",
                          std::make_shared<nn::LayerNorm>(dim, settings.encoder.block().norm_eps));
  head_ = register_module("head", std::make_shared<nn::Linear>(dim, classes));
}

Tensor Vit::forward(const Tensor& x) {
  Tensor y = (*patch_embed_)(x);
  if (cls_token_ != nullptr)
    y = ops::concat({ops::repeat_batch(cls_token_->value, x.dim(0), y.dtype()), y}, 1);
  y = (*blocks_)((*pos_drop_)(ops::add(y, pos_embed_ != nullptr ? pos_embed_->value : sines_)));
  // The norm works token by token: that of the class token alone is all that the classifier needs.
  y = cls_token_ != nullptr ? ops::reshape(ops::slice(y, 1, 0, 1), {y.dim(0), y.dim(2)}) : ops::mean(y, {1});
  return (*head_)((*norm_)(y));
}

// As timm's: the patch embedding keeps a convolution's default.
void Vit::reset_parameters(std::uint64_t seed) {
  nn::normal_linear_init_(*this, 0.02, seed);
  if (cls_token_ != nullptr) nn::normal_(*cls_token_, 1e-6, seed);
  if (pos_embed_ != nullptr) nn::normal_(*pos_embed_, 0.02, seed);
}

}  // namespace espalier::models
