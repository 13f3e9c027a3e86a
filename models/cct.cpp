#include "models/cct.h"

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/patch_embed.h"
#include "framework/nn/modules/pool2d.h"
#include "framework/nn/modules/relu.h"
#include "framework/nn/positions.h"
#include "framework/ops/add.h"

namespace espalier::models {
namespace {

constexpr std::int64_t kInnerChannels = 64;
constexpr ops::Pool2dOptions kPool = {.kernel = 3, .stride = 2, .padding = 1};

std::int64_t windows(std::int64_t size, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  return (size + 2 * padding - kernel) / stride + 1;
}

// Tokens of an image whose height and width are given; 0 where nothing is left.
std::int64_t count_tokens(const CctSettings& settings, std::int64_t height, std::int64_t width) {
  std::int64_t tokens = 1;
  for (std::int64_t size : {height, width}) {
    for (std::int64_t i = 0; i < settings.conv_layers; ++i) {
      if (size + 2 * settings.conv_padding() < settings.conv_kernel) return 0;
      size = windows(size, settings.conv_kernel, settings.conv_stride(), settings.conv_padding());
      size = windows(size, kPool.kernel, kPool.stride, kPool.padding);
    }
    tokens *= size;
  }
  return tokens;
}

}  // namespace

void CctSettings::fields(FieldVisitor& v) {
  v.field("conv_layers", conv_layers, "convolutions before the blocks; each halves the image", {1, 16});
  v.field("conv_kernel", conv_kernel, "side of their kernels; from 6 on their stride is more than 1",
          {1, 63});
  encoder.fields(v);
}

// The authors' choices for a kernel.
int CctSettings::conv_stride() const {
  return static_cast<int>(std::max<std::int64_t>(1, conv_kernel / 2 - 1));
}
int CctSettings::conv_padding() const { return static_cast<int>(std::max<std::int64_t>(1, conv_kernel / 2)); }

CctTokenizer::CctTokenizer(const CctSettings& settings, std::int64_t image_channels) {
  conv_layers_ = register_module("conv_layers", std::make_shared<nn::Sequential>());
  std::int64_t channels = image_channels;
  for (std::int64_t i = 0; i < settings.conv_layers; ++i) {
    const std::int64_t out_channels = i + 1 < settings.conv_layers ? kInnerChannels : settings.encoder.dim;
    auto layer = conv_layers_->add(std::make_shared<nn::Sequential>());
    convolutions_.push_back(layer->add(std::make_shared<nn::Conv2d>(
        channels, out_channels, settings.conv_kernel,
        nn::Conv2d::Options{
            .stride = settings.conv_stride(), .padding = settings.conv_padding(), .bias = false})));
    layer->add(std::make_shared<nn::ReLU>());
    layer->add(std::make_shared<nn::MaxPool2d>(kPool));
    channels = out_channels;
  }
}

Tensor CctTokenizer::forward(const Tensor& x) { return nn::image_tokens((*conv_layers_)(x)); }

// He et al.'s for ReLU, arXiv:1502.01852: kaiming_normal_.
void CctTokenizer::reset_parameters(std::uint64_t seed) {
  for (const auto& conv : convolutions_) {
    const auto inputs = static_cast<double>(nn::fan_in(conv->weight().value.shape()));
    nn::normal_(conv->weight(), std::sqrt(2.0 / inputs), seed);
  }
}

CctClassifier::CctClassifier(const CctSettings& settings, std::int64_t tokens, std::int64_t classes) {
  const std::int64_t dim = settings.encoder.dim;
  nn::TransformerBlock::Options block = settings.encoder.block();
  block.qkv_bias = false;
  block.norm_eps = 1e-5;
  block.mlp_residual = nn::MlpResidual::normalised;
  if (settings.encoder.learns_positions()) {
    positional_emb_ =
        &register_parameter("positional_emb", Tensor::empty({1, tokens, dim}), nn::ParameterKind::bias);
  } else {
    sines_ = nn::sine_positions(tokens, dim);
  }
  attention_pool_ = register_module("attention_pool", std::make_shared<nn::SequencePool>(dim));
  dropout_ = register_module("dropout", std::make_shared<nn::Dropout>(settings.encoder.dropout));
  blocks_ = register_module("blocks", nn::transformer_blocks(settings.encoder.depth, block));
  norm_ = register_module("norm", std::make_shared<nn::LayerNorm>(dim, block.norm_eps));
  fc_ = register_module("fc", std::make_shared<nn::Linear>(dim, classes));
}

Tensor CctClassifier::forward(const Tensor& x) {
  const Tensor& positions = positional_emb_ != nullptr ? positional_emb_->value : sines_;
  const Tensor y = (*blocks_)((*dropout_)(ops::add(x, positions)));
  return (*fc_)((*attention_pool_)((*norm_)(y)));
}

void CctClassifier::reset_parameters(std::uint64_t seed) {
  nn::normal_linear_init_(*this, 0.02, seed);
  if (positional_emb_ != nullptr) nn::normal_(*positional_emb_, 0.2, seed);
}

Cct::Cct(const CctSettings& settings, const Shape& image, std::int64_t classes) {
  check(image.rank() == 3, "cct", "expected the shape of an image, [C, H, W], got {}", image.str());
  const std::int64_t tokens = count_tokens(settings, image[1], image[2]);
  if (tokens <= 0) {
    fail(ErrorKind::usage, "cct",
         "{} convolutions of {}x{} leave nothing of images {}; take fewer, or smaller ones",
         settings.conv_layers, settings.conv_kernel, settings.conv_kernel, image.str());
  }
  tokenizer_ = register_module("tokenizer", std::make_shared<CctTokenizer>(settings, image[0]));
  classifier_ = register_module("classifier", std::make_shared<CctClassifier>(settings, tokens, classes));
}

}  // namespace espalier::models
