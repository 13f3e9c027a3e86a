// Compact convolutional transformers (Hassani et al., "Escaping the big data paradigm with compact
// transformers", arXiv:2104.05704). CCT-7/3x1 has 7 blocks and 1 convolution of 3x3 before them.
//
// Names as the authors' code has them (tokenizer.conv_layers.0.0, classifier.positional_emb,
// classifier.attention_pool, classifier.norm, classifier.fc), but for those inside of a block, which are
// timm's: norm1, attn, norm2, mlp.fc1, mlp.fc2 for their pre_norm, self_attn, norm1, linear1, linear2.
#pragma once

#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/dropout.h"
#include "framework/nn/modules/layer_norm.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/sequence_pool.h"
#include "framework/nn/modules/sequential.h"
#include "models/encoder.h"
#include "models/registry.h"

namespace espalier::models {

struct CctSettings {
  EncoderSettings encoder = {.dim = 256, .depth = 7, .heads = 4, .mlp_ratio = 2.0};
  std::int64_t conv_layers = 1;
  std::int64_t conv_kernel = 3;

  void fields(FieldVisitor& v);
  int conv_stride() const;
  int conv_padding() const;
};

// Images to tokens [N, T, dim]: convolution without bias, ReLU and 3x3 max pooling that halves the image,
// `conv_layers` times; all but the last have 64 channels.
class CctTokenizer : public nn::Module {
 public:
  CctTokenizer(const CctSettings& settings, std::int64_t image_channels);

  Tensor forward(const Tensor& x) override;
  void reset_parameters(std::uint64_t seed) override;
  std::string type_name() const override { return "Tokenizer"; }

 private:
  std::shared_ptr<nn::Sequential> conv_layers_;
  std::vector<std::shared_ptr<nn::Conv2d>> convolutions_;
};

// Positions, blocks, norm, sequence pooling, and a linear layer.
class CctClassifier : public nn::Module {
 public:
  CctClassifier(const CctSettings& settings, std::int64_t tokens, std::int64_t classes);

  Tensor forward(const Tensor& x) override;
  void reset_parameters(std::uint64_t seed) override;
  std::string type_name() const override { return "TransformerClassifier"; }

 private:
  nn::Parameter* positional_emb_ = nullptr;  // [1, tokens, dim]; null: fixed
  Tensor sines_;                             // fixed positions instead: plain [1, tokens, dim], no state
  std::shared_ptr<nn::SequencePool> attention_pool_;
  std::shared_ptr<nn::Dropout> dropout_;
  std::shared_ptr<nn::Module> blocks_;
  std::shared_ptr<nn::LayerNorm> norm_;
  std::shared_ptr<nn::Linear> fc_;
};

class Cct : public nn::Module {
 public:
  // `image` is [C, H, W]. Throws Error unless heads divide dim and the image survives the tokenizer.
  Cct(const CctSettings& settings, const Shape& image, std::int64_t classes);

  Tensor forward(const Tensor& x) override { return (*classifier_)((*tokenizer_)(x)); }
  std::string type_name() const override { return "CCT"; }

 private:
  std::shared_ptr<CctTokenizer> tokenizer_;
  std::shared_ptr<CctClassifier> classifier_;
};

using CctSpec = SpecOf<Cct, CctSettings>;

}  // namespace espalier::models
