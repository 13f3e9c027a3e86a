#include "framework/tensor/lanes.h"

#include "framework/core/error.h"
#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"

namespace espalier {
namespace {

// How the features of one image lie in memory: `runs` contiguous runs of `length` vectors, `stride` vectors
// apart.
struct FeatureRuns {
  std::int64_t runs = 1, length = 1, stride = 1;
};

FeatureRuns feature_runs(const Shape& shape) {
  if (shape.rank() == 4) {
    const std::int64_t pixels = shape[2] * shape[3];
    return {shape[1], pixels, kernels::plane_vectors(pixels)};
  }
  std::int64_t features = 1;
  for (int i = 1; i < shape.rank(); ++i) features *= shape[i];
  return {1, features, features};
}

}  // namespace

Tensor to_lanes(const Tensor& plain) {
  check(!plain.is_lanes() && plain.rank() >= 1, "to_lanes", "expected a plain tensor with a batch dimension");
  Tensor lanes = Tensor::zeros(plain.shape(), Layout::lanes);
  const FeatureRuns f = feature_runs(plain.shape());
  const std::int64_t n = plain.dim(0), features = f.runs * f.length;
  const float* source = plain.data();  // [N][runs][length]
  float* target = lanes.data();        // [G][runs][stride][16]
  kernels::parallel_for(lanes.groups(), [&](std::int64_t g) {
    for (int lane = 0; lane < kernels::lanes_in_group(n, g); ++lane) {
      const float* image = source + (g * kernels::kLanes + lane) * features;
      for (std::int64_t r = 0; r < f.runs; ++r) {
        float* plane = target + (g * f.runs + r) * f.stride * kernels::kLanes + lane;
        for (std::int64_t i = 0; i < f.length; ++i) plane[i * kernels::kLanes] = image[r * f.length + i];
      }
    }
  });
  return lanes;
}

Tensor from_lanes(const Tensor& lanes) {
  check(lanes.is_lanes(), "from_lanes", "expected a tensor in lanes");
  Tensor plain = Tensor::empty(lanes.shape());
  const FeatureRuns f = feature_runs(lanes.shape());
  const std::int64_t n = lanes.dim(0), features = f.runs * f.length;
  const float* source = lanes.data();  // [G][runs][stride][16]
  float* target = plain.data();        // [N][runs][length]
  kernels::parallel_for(lanes.groups(), [&](std::int64_t g) {
    for (int lane = 0; lane < kernels::lanes_in_group(n, g); ++lane) {
      float* image = target + (g * kernels::kLanes + lane) * features;
      for (std::int64_t r = 0; r < f.runs; ++r) {
        const float* plane = source + (g * f.runs + r) * f.stride * kernels::kLanes + lane;
        for (std::int64_t i = 0; i < f.length; ++i) image[r * f.length + i] = plane[i * kernels::kLanes];
      }
    }
  });
  return plain;
}

}  // namespace espalier
