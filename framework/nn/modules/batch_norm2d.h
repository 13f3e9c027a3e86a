#pragma once

#include "framework/nn/module.h"

namespace espalier::nn {

// Normalises each channel of [N, C, H, W] over batch and plane: ops::batch_norm (Ioffe and Szegedy,
// arXiv:1502.03167). In training with the statistics of the batch, which it adds to the running ones; in
// evaluation with the running ones.
//
//   weight [C] ones, bias [C] zeros; buffers running_mean [C] zeros, running_var [C] ones
//
// PyTorch's third buffer, num_batches_tracked, is left out: it matters only with momentum=None, which
// averages over all batches. A PyTorch state dict fits once entries of that name are dropped.
class BatchNorm2d : public Module {
 public:
  struct Options {
    double momentum = 0.1;  // running = (1 - momentum) running + momentum batch
    double eps = 1e-5;
  };

  explicit BatchNorm2d(std::int64_t channels) : BatchNorm2d(channels, Options{}) {}
  BatchNorm2d(std::int64_t channels, const Options& options);

  Tensor forward(const Tensor& x) override;
  // relu(bn(x) + residual) in one pass over memory; an undefined residual means none.
  Tensor forward_relu(const Tensor& x, const Tensor& residual = {});
  void reset_parameters(std::uint64_t seed) override;
  std::string type_name() const override { return "BatchNorm2d"; }

 private:
  Tensor normalise(const Tensor& x, bool relu, const Tensor& residual);

  Options options_;
  Parameter& weight_;
  Parameter& bias_;
  Buffer& running_mean_;
  Buffer& running_var_;
};

}  // namespace espalier::nn
