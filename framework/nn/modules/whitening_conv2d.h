#pragma once

#include <functional>

#include "framework/nn/module.h"

namespace espalier::nn {

// A first convolution that is measured, not learned: its outputs over the training images are uncorrelated
// and of equal variance, so that training need not find that out (Page, "How to train your ResNet 8", 2019;
// Jordan, arXiv:2404.00498, section 3.2). Stride 1, no padding; only the bias is trained.
//
//   buffer weight [2 C K K, C, K, K], bias [2 C K K] zeros
//
// The weight: the eigenvectors of the covariance of K x K patches, the one of the largest eigenvalue first,
// each divided by sqrt(eigenvalue + eps); then their negatives, for the nonlinearity after them. Zero until
// fit_to_images().
class WhiteningConv2d : public Module {
 public:
  WhiteningConv2d(std::int64_t channels, std::int64_t kernel_size, double eps = 5e-4);

  Tensor forward(const Tensor& x) override;
  // Keeps the weight: it belongs to the data.
  void reset_parameters(std::uint64_t seed) override;
  std::string type_name() const override { return "WhiteningConv2d"; }
  std::int64_t out_channels() const { return weight_.value.dim(0); }

  // Measures the weight. `images` plain [N, C, H, W], as the network will see them.
  void fit_to_images(const Tensor& images);

 private:
  double eps_;
  Buffer& weight_;
  Parameter& bias_;
};

// Fits every WhiteningConv2d of a model; asks for images only if there is one.
void fit_whitening(Module& model, const std::function<Tensor()>& images);

}  // namespace espalier::nn
