// Residual networks for small images (He et al., "Deep residual learning", arXiv:1512.03385), with the layer
// names of torchvision's ResNet: conv1, bn1, layer1.0.conv1, ..., layer2.0.downsample.0, fc.
#pragma once

#include <string>
#include <vector>

#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/sequential.h"
#include "models/registry.h"

namespace espalier::models {

// What a block adds its result to where it changes size: a 1x1 convolution of the input (option B of the
// paper), or the input's every second pixel with channels of zeros around its own (option A, no parameters).
enum class Shortcut { projection, subsample };

// relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), both convolutions 3x3.
class BasicBlock : public nn::Module {
 public:
  BasicBlock(std::int64_t in_channels, std::int64_t out_channels, int stride, Shortcut shortcut);

  Tensor forward(const Tensor& x) override;
  // Its own path; what is left is relu(x). A block that changes size has to stay.
  bool drop_branch(const std::string& path) override;
  std::vector<std::string> dropped_branches() const override;
  std::string type_name() const override { return "BasicBlock"; }

 private:
  Tensor shortcut(const Tensor& x);

  int stride_;
  bool resizes_;
  std::shared_ptr<nn::Conv2d> conv1_, conv2_;  // null, and the norms: dropped
  std::shared_ptr<nn::BatchNorm2d> bn1_, bn2_;
  std::shared_ptr<nn::Sequential> downsample_;  // null: no projection
};

struct ResNetOptions {
  std::vector<std::int64_t> blocks;  // of each stage; every stage after the first halves the image
  std::int64_t width = 64;           // channels of the first stage; every later one doubles them
  Shortcut shortcut = Shortcut::projection;
  std::int64_t image_channels = 3;
  std::int64_t classes = 10;
};

// 3x3 convolution, stages of blocks, mean over the image, linear layer. There is no pooling after the first
// convolution: made for 32x32 images.
class ResNet : public nn::Module {
 public:
  explicit ResNet(const ResNetOptions& options);

  Tensor forward(const Tensor& x) override;
  std::string type_name() const override { return "ResNet"; }

 private:
  std::shared_ptr<nn::Conv2d> conv1_;
  std::shared_ptr<nn::BatchNorm2d> bn1_;
  std::vector<std::shared_ptr<nn::Sequential>> stages_;
  std::shared_ptr<nn::Linear> fc_;
};

class ResNetSpec : public ModelSpec {
 public:
  ResNetSpec(std::vector<std::int64_t> blocks, std::int64_t width, std::string shortcut)
      : blocks_(std::move(blocks)), width_(width), shortcut_(std::move(shortcut)) {}

  void fields(FieldVisitor& v) override;
  std::shared_ptr<nn::Module> build(const Shape& image, std::int64_t classes,
                                    std::uint64_t seed) const override;

 private:
  std::vector<std::int64_t> blocks_;
  std::int64_t width_;
  std::string shortcut_;
};

}  // namespace espalier::models
