#include "models/vgg.h"

#include <algorithm>

#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/pool2d.h"
#include "framework/nn/modules/relu.h"
#include "framework/ops/global_avg_pool.h"

namespace espalier::models {

Vgg::Vgg(const VggOptions& options) {
  features_ = register_module("features", std::make_shared<nn::Sequential>());
  std::int64_t channels = options.image_channels;
  for (std::size_t stage = 0; stage < options.convolutions.size(); ++stage) {
    const std::int64_t out_channels = options.width << std::min<std::size_t>(stage, 3);
    for (std::int64_t i = 0; i < options.convolutions[stage]; ++i) {
      features_->add(
          std::make_shared<nn::Conv2d>(channels, out_channels, 3, nn::Conv2d::Options{.padding = 1}));
      features_->add(std::make_shared<nn::BatchNorm2d>(out_channels));
      features_->add(std::make_shared<nn::ReLU>());
      channels = out_channels;
    }
    features_->add(std::make_shared<nn::MaxPool2d>(ops::Pool2dOptions{.kernel = 2, .stride = 2}));
  }
  classifier_ = register_module("classifier", std::make_shared<nn::Linear>(channels, options.classes));
}

Tensor Vgg::forward(const Tensor& x) { return (*classifier_)(ops::global_avg_pool((*features_)(x))); }

void VggSpec::fields(FieldVisitor& v) {
  v.field("width", width_, "channels of the first stage; then 2, 4, 8 and 8 times as many", {1, 4096});
}

std::shared_ptr<nn::Module> VggSpec::build(const Shape& image, std::int64_t classes,
                                           std::uint64_t seed) const {
  if (image.rank() != 3 || image[1] < 32 || image[2] < 32) {
    fail(ErrorKind::usage, "vgg", "five halvings need images [C, H, W] of at least 32x32, got {}",
         image.str());
  }
  auto model = std::make_shared<Vgg>(VggOptions{
      .convolutions = convolutions_, .width = width_, .image_channels = image[0], .classes = classes});
  nn::initialise(*model, seed);
  return model;
}

}  // namespace espalier::models
