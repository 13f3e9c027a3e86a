#include "framework/nn/modules/whitening_conv2d.h"

#include <cmath>

#include "framework/core/error.h"
#include "framework/core/symmetric_eigen.h"
#include "framework/ops/conv2d.h"

namespace espalier::nn {
namespace {

// The mean of patch patch^T over all K x K patches of [N, C, H, W]: [n][n] for n = C K K; upper half only.
// Not about the mean: normalised images have none.
std::vector<double> patch_moments(const Tensor& images, std::int64_t K) {
  const std::int64_t N = images.dim(0), C = images.dim(1), H = images.dim(2), W = images.dim(3),
                     n = C * K * K;
  std::vector<double> moments(static_cast<std::size_t>(n * n), 0.0);
  std::vector<float> patch(static_cast<std::size_t>(n));
  for (std::int64_t image = 0; image < N; ++image) {
    for (std::int64_t y = 0; y + K <= H; ++y) {
      for (std::int64_t x = 0; x + K <= W; ++x) {
        for (std::int64_t i = 0; i < n; ++i) {
          const std::int64_t c = i / (K * K), ky = i / K % K, kx = i % K;
          patch[static_cast<std::size_t>(i)] = images.data()[((image * C + c) * H + y + ky) * W + x + kx];
        }
        double* row = moments.data();
        for (std::size_t i = 0; i < patch.size(); ++i, row += n) {
          for (std::size_t j = i; j < patch.size(); ++j) row[j] += double{patch[i]} * patch[j];
        }
      }
    }
  }
  const double patches = static_cast<double>(N * (H - K + 1) * (W - K + 1));
  for (double& moment : moments) moment /= patches;
  return moments;
}

}  // namespace

WhiteningConv2d::WhiteningConv2d(std::int64_t channels, std::int64_t kernel_size, double eps)
    : eps_(eps),
      weight_(register_buffer("weight", Tensor::zeros({2 * channels * kernel_size * kernel_size, channels,
                                                       kernel_size, kernel_size}))),
      bias_(register_parameter("bias", Tensor::zeros({2 * channels * kernel_size * kernel_size}),
                               ParameterKind::bias)) {}

Tensor WhiteningConv2d::forward(const Tensor& x) {
  return ops::conv2d(x, weight_.value, bias_.value, ops::Conv2dOptions{});
}

void WhiteningConv2d::reset_parameters(std::uint64_t) { bias_.value.zero_(); }

void WhiteningConv2d::fit_to_images(const Tensor& images) {
  const std::int64_t C = weight_.value.dim(1), K = weight_.value.dim(2), n = C * K * K;
  check(!images.is_lanes() && images.rank() == 4 && images.dim(0) > 0 && images.dim(1) == C &&
            images.dim(2) >= K && images.dim(3) >= K,
        "WhiteningConv2d", "expected plain images [N, {}, H, W] of at least {} x {}, got {}", C, K, K,
        images.shape().str());
  const SymmetricEigen eigen = symmetric_eigen(patch_moments(images, K), static_cast<int>(n));
  float* weight = weight_.value.data();
  for (std::int64_t i = 0; i < n; ++i) {
    const double factor = 1.0 / std::sqrt(eigen.values[static_cast<std::size_t>(i)] + eps_);
    for (std::int64_t j = 0; j < n; ++j) {
      const auto w = static_cast<float>(factor * eigen.vectors[static_cast<std::size_t>(i * n + j)]);
      weight[i * n + j] = w;
      weight[(n + i) * n + j] = -w;
    }
  }
}

void fit_whitening(Module& model, const std::function<Tensor()>& images) {
  Tensor sample;
  for (Module* module : model.modules()) {
    auto* whitening = dynamic_cast<WhiteningConv2d*>(module);
    if (whitening == nullptr) continue;
    if (!sample.defined()) sample = images();
    whitening->fit_to_images(sample);
  }
}

}  // namespace espalier::nn
