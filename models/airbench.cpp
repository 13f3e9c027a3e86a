#include "models/airbench.h"

#include <algorithm>
#include <string>

#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/ops/flatten.h"
#include "framework/ops/gelu.h"
#include "framework/ops/max_pool2d.h"
#include "framework/ops/scale.h"

namespace espalier::models {
namespace {

constexpr std::int64_t kWhiteningKernel = 2;
constexpr ops::Pool2dOptions kHalve = {.kernel = 2, .stride = 2}, kLastPool = {.kernel = 3, .stride = 3};

// Output channel i begins as input channel i, where there is one; the others keep their random start.
class IdentityConv2d : public nn::Conv2d {
 public:
  IdentityConv2d(std::int64_t in_channels, std::int64_t out_channels)
      : Conv2d(in_channels, out_channels, 3, {.padding = 1, .bias = false}) {}

  void reset_parameters(std::uint64_t seed) override {
    Conv2d::reset_parameters(seed);
    Tensor& w = weight().value;
    const std::int64_t channel = w.dim(1) * 9;
    for (std::int64_t i = 0; i < std::min(w.dim(0), w.dim(1)); ++i) {
      std::fill_n(w.data() + i * channel, channel, 0.0f);
      w.data()[i * channel + i * 9 + 4] = 1.0f;
    }
  }
};

class Stage : public nn::Module {
 public:
  Stage(std::int64_t in_channels, std::int64_t out_channels) {
    conv1_ = register_module("conv1", std::make_shared<IdentityConv2d>(in_channels, out_channels));
    norm1_ = register_module("norm1", std::make_shared<nn::BatchNorm2d>(out_channels));
    conv2_ = register_module("conv2", std::make_shared<IdentityConv2d>(out_channels, out_channels));
    norm2_ = register_module("norm2", std::make_shared<nn::BatchNorm2d>(out_channels));
  }

  Tensor forward(const Tensor& x) override {
    const Tensor y = ops::gelu((*norm1_)(ops::max_pool2d((*conv1_)(x), kHalve)));
    return ops::gelu((*norm2_)((*conv2_)(y)));
  }
  std::string type_name() const override { return "AirbenchStage"; }

 private:
  std::shared_ptr<nn::Conv2d> conv1_, conv2_;
  std::shared_ptr<nn::BatchNorm2d> norm1_, norm2_;
};

}  // namespace

void AirbenchSettings::fields(FieldVisitor& v) {
  v.field("width", width, "channels of the first stage; the others have 4 times as many", {1, 4096});
  v.field("head_scale", head_scale, "what the logits are multiplied by", {1e-6, 1e6});
}

Airbench::Airbench(const AirbenchSettings& settings, const Shape& image, std::int64_t classes)
    : head_scale_(static_cast<float>(settings.head_scale)) {
  check(image.rank() == 3, "airbench", "expected the shape of an image, [C, H, W], got {}", image.str());
  whitening_ =
      register_module("whitening", std::make_shared<nn::WhiteningConv2d>(image[0], kWhiteningKernel));
  std::int64_t channels = whitening_->out_channels(), h = image[1] - 1, w = image[2] - 1;
  for (int stage = 1; stage <= 3; ++stage, h /= 2, w /= 2) {
    const std::int64_t out_channels = stage == 1 ? settings.width : 4 * settings.width;
    stages_.push_back(
        register_module("stage" + std::to_string(stage), std::make_shared<Stage>(channels, out_channels)));
    channels = out_channels;
  }
  if (h < 3 || w < 3) {
    fail(ErrorKind::usage, "airbench", "three halvings need images [C, H, W] of at least 25x25, got {}",
         image.str());
  }
  head_ = register_module("head", std::make_shared<nn::Linear>(channels * (h / 3) * (w / 3), classes,
                                                               nn::Linear::Options{.bias = false}));
}

Tensor Airbench::forward(const Tensor& x) {
  Tensor y = ops::gelu((*whitening_)(x));
  for (const auto& stage : stages_) y = (*stage)(y);
  return ops::scale((*head_)(ops::flatten(ops::max_pool2d(y, kLastPool))), head_scale_);
}

}  // namespace espalier::models
