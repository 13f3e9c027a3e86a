// A network made for training fast on CIFAR-10 (Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU",
// arXiv:2404.00498): a whitening layer, three stages of two 3x3 convolutions whose maxima are taken early,
// and a linear layer. 1.97 M parameters at width 64, 0.12 G multiply-adds an image.
#pragma once

#include <memory>

#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/whitening_conv2d.h"
#include "models/registry.h"

namespace espalier::models {

struct AirbenchSettings {
  std::int64_t width = 64;
  double head_scale = 1.0 / 9.0;

  void fields(FieldVisitor& v);
};

// Images of at least 25x25. Convolutions begin as identities of their first channels.
class Airbench : public nn::Module {
 public:
  // `image` is [C, H, W]. Throws Error when the stages leave nothing of it.
  Airbench(const AirbenchSettings& settings, const Shape& image, std::int64_t classes);

  Tensor forward(const Tensor& x) override;
  std::string type_name() const override { return "Airbench"; }

 private:
  float head_scale_;
  std::shared_ptr<nn::WhiteningConv2d> whitening_;
  std::vector<std::shared_ptr<nn::Module>> stages_;
  std::shared_ptr<nn::Linear> head_;
};

using AirbenchSpec = SpecOf<Airbench, AirbenchSettings>;

}  // namespace espalier::models
