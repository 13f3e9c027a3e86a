// Plain networks of 3x3 convolutions (Simonyan and Zisserman, arXiv:1409.1556) with batch norm, as is common
// for CIFAR: five stages that each end by halving the image, and one linear layer. Layer names as
// torchvision's: features.0, features.1, ..., classifier.
#pragma once

#include <vector>

#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/sequential.h"
#include "models/registry.h"

namespace espalier::models {

struct VggOptions {
  std::vector<std::int64_t> convolutions;  // of each of the five stages
  std::int64_t width = 64;                 // channels of the first stage; then 2, 4, 8 and 8 times as many
  std::int64_t image_channels = 3;
  std::int64_t classes = 10;
};

// Images of at least 32x32; what is left of larger ones after the last stage is averaged.
class Vgg : public nn::Module {
 public:
  explicit Vgg(const VggOptions& options);

  Tensor forward(const Tensor& x) override;
  std::string type_name() const override { return "VGG"; }

 private:
  std::shared_ptr<nn::Sequential> features_;
  std::shared_ptr<nn::Linear> classifier_;
};

class VggSpec : public ModelSpec {
 public:
  explicit VggSpec(std::vector<std::int64_t> convolutions) : convolutions_(std::move(convolutions)) {}

  void fields(FieldVisitor& v) override;
  std::shared_ptr<nn::Module> build(const Shape& image, std::int64_t classes,
                                    std::uint64_t seed) const override;

 private:
  std::vector<std::int64_t> convolutions_;
  std::int64_t width_ = 64;
};

}  // namespace espalier::models
