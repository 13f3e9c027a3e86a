#include "models/resnet.h"

#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/ops/relu.h"
#include "framework/ops/subsample.h"

namespace espalier::models {
namespace {

// The norm that follows has a bias of its own.
std::shared_ptr<nn::Conv2d> conv(std::int64_t in_channels, std::int64_t out_channels, int kernel_size,
                                 int stride) {
  return std::make_shared<nn::Conv2d>(
      in_channels, out_channels, kernel_size,
      nn::Conv2d::Options{.stride = stride, .padding = kernel_size / 2, .bias = false});
}

}  // namespace

BasicBlock::BasicBlock(std::int64_t in_channels, std::int64_t out_channels, int stride, Shortcut shortcut)
    : stride_(stride), resizes_(stride != 1 || in_channels != out_channels) {
  conv1_ = register_module("conv1", conv(in_channels, out_channels, 3, stride));
  bn1_ = register_module("bn1", std::make_shared<nn::BatchNorm2d>(out_channels));
  conv2_ = register_module("conv2", conv(out_channels, out_channels, 3, 1));
  bn2_ = register_module("bn2", std::make_shared<nn::BatchNorm2d>(out_channels));
  if (resizes_ && shortcut == Shortcut::projection) {
    downsample_ = register_module("downsample", std::make_shared<nn::Sequential>());
    downsample_->add(conv(in_channels, out_channels, 1, stride));
    downsample_->add(std::make_shared<nn::BatchNorm2d>(out_channels));
  }
}

Tensor BasicBlock::forward(const Tensor& x) {
  if (conv1_ == nullptr) return ops::relu(x);
  // First on the tape, so last in backward: a 1x1 convolution that strides then adds a quarter of the pixels
  // to the gradient that is there.
  const Tensor identity = shortcut(x);
  const Tensor inner = bn1_->forward_relu((*conv1_)(x));
  return bn2_->forward_relu((*conv2_)(inner), identity);
}

Tensor BasicBlock::shortcut(const Tensor& x) {
  if (!resizes_) return x;
  return downsample_ != nullptr ? (*downsample_)(x) : ops::subsample(x, stride_, conv2_->out_channels());
}

bool BasicBlock::drop_branch(const std::string& path) {
  if (path != this->path() || resizes_) return false;
  remove_module(conv1_);
  remove_module(bn1_);
  remove_module(conv2_);
  remove_module(bn2_);
  return true;
}

std::vector<std::string> BasicBlock::dropped_branches() const {
  return conv1_ == nullptr ? std::vector<std::string>{path()} : std::vector<std::string>{};
}

ResNet::ResNet(const ResNetOptions& options) {
  conv1_ = register_module("conv1", conv(options.image_channels, options.width, 3, 1));
  bn1_ = register_module("bn1", std::make_shared<nn::BatchNorm2d>(options.width));
  std::int64_t channels = options.width;
  for (std::size_t stage = 0; stage < options.blocks.size(); ++stage) {
    auto blocks = register_module(fmt::format("layer{}", stage + 1), std::make_shared<nn::Sequential>());
    const std::int64_t out_channels = options.width << stage;
    for (std::int64_t block = 0; block < options.blocks[stage]; ++block) {
      const int stride = stage > 0 && block == 0 ? 2 : 1;
      blocks->add(std::make_shared<BasicBlock>(channels, out_channels, stride, options.shortcut));
      channels = out_channels;
    }
    stages_.push_back(std::move(blocks));
  }
  fc_ = register_module("fc", std::make_shared<nn::Linear>(channels, options.classes));
}

Tensor ResNet::forward(const Tensor& x) {
  Tensor y = bn1_->forward_relu((*conv1_)(x));
  for (const auto& stage : stages_) y = (*stage)(y);
  return (*fc_)(ops::global_avg_pool(y));
}

void ResNetSpec::fields(FieldVisitor& v) {
  v.field("width", width_, "channels of the first stage; each later stage doubles them", {1, 4096});
  v.field("shortcut", shortcut_, "where a block changes size: 1x1 convolution, or pixels and zero channels",
          {"projection", "subsample"});
}

std::shared_ptr<nn::Module> ResNetSpec::build(const Shape& image, std::int64_t classes,
                                              std::uint64_t seed) const {
  check(image.rank() == 3, "resnet", "expected the shape of an image, [C, H, W], got {}", image.str());
  auto model = std::make_shared<ResNet>(
      ResNetOptions{.blocks = blocks_,
                    .width = width_,
                    .shortcut = shortcut_ == "subsample" ? Shortcut::subsample : Shortcut::projection,
                    .image_channels = image[0],
                    .classes = classes});
  nn::initialise(*model, seed);
  return model;
}

}  // namespace espalier::models
