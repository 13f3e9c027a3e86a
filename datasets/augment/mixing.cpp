#include "datasets/augment/mixing.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/lanes.h"

namespace espalier::datasets {
namespace {

using kernels::kLanes;

// The pixels of images in lanes [N/16][C][P][16], P = H*W | 1.
class LanePixels {
 public:
  explicit LanePixels(Tensor& images)
      : data_(images.data()),
        channels_(images.dim(1)),
        plane_(kernels::plane_vectors(images.dim(2) * images.dim(3))) {}

  float& at(std::int64_t n, std::int64_t c, std::int64_t pixel) {
    return data_[(((n / kLanes) * channels_ + c) * plane_ + pixel) * kLanes + n % kLanes];
  }

 private:
  float* data_;
  std::int64_t channels_, plane_;
};

// change(x, partner's x) -> new value, for both of each pair, at the given pixel of every channel.
template <class Change>
void change_pairs(Tensor& images, std::int64_t pixel, const Change& change) {
  LanePixels pixels(images);
  const std::int64_t count = images.dim(0);
  for (std::int64_t c = 0; c < images.dim(1); ++c) {
    for (std::int64_t n = 0; n < count / 2; ++n) {
      float &a = pixels.at(n, c, pixel), &b = pixels.at(count - 1 - n, c, pixel);
      const float mixed_a = change(a, b), mixed_b = change(b, a);
      a = mixed_a;
      b = mixed_b;
    }
  }
}

// Returns the share that is left of an image.
double cut_mix(Tensor& images, double share, Random& random) {
  const std::int64_t height = images.dim(2), width = images.dim(3);
  const double side = std::sqrt(1.0 - share);
  const std::int64_t h = std::llround(side * static_cast<double>(height)),
                     w = std::llround(side * static_cast<double>(width));
  // The centre is uniform over the pixels; what lies outside is cut off.
  const std::int64_t y = random.below(static_cast<std::uint32_t>(height)),
                     x = random.below(static_cast<std::uint32_t>(width));
  const std::int64_t top = std::max<std::int64_t>(0, y - h / 2), bottom = std::min(height, y - h / 2 + h);
  const std::int64_t left = std::max<std::int64_t>(0, x - w / 2), right = std::min(width, x - w / 2 + w);
  for (std::int64_t row = top; row < bottom; ++row) {
    for (std::int64_t column = left; column < right; ++column)
      change_pairs(images, row * width + column, [](float, float partner) { return partner; });
  }
  return 1.0 - static_cast<double>((bottom - top) * (right - left)) / static_cast<double>(height * width);
}

}  // namespace

double symmetric_beta(double alpha, Random& random) {
  for (;;) {
    // In logarithms: u^(1/alpha) of a small alpha leaves the range of a double.
    const double u = std::log1p(-double{random.uniform()}) / alpha,
                 v = std::log1p(-double{random.uniform()}) / alpha;
    const double most = std::max(u, v);
    const double log_sum = most + std::log(std::exp(u - most) + std::exp(v - most));
    if (log_sum <= 0.0) return std::exp(u - log_sum);
  }
}

void Mixing::fields(FieldVisitor& v) {
  v.field("mixup", mixup, "alpha of mixup; 0: none", {0.0, 8.0});
  v.field("cutmix", cutmix, "alpha of cutmix; 0: none", {0.0, 8.0});
  v.field("probability", probability, "part of the batches that are mixed", {0.0, 1.0});
}

void Mixing::apply(train::Batch& batch, Random& random) const {
  if (none() || double{random.uniform()} >= probability) return;
  const bool cut = cutmix > 0.0 && (mixup == 0.0 || random.below(2) == 1);
  double share = symmetric_beta(cut ? cutmix : mixup, random);
  if (cut) {
    share = cut_mix(batch.images, share, random);
  } else {
    const auto own = static_cast<float>(share), other = static_cast<float>(1.0 - share);
    const std::int64_t pixels = batch.images.dim(2) * batch.images.dim(3);
    for (std::int64_t p = 0; p < pixels; ++p)
      change_pairs(batch.images, p, [=](float x, float partner) { return own * x + other * partner; });
  }
  batch.mixed_labels = batch.labels.clone();
  std::reverse_copy(batch.labels.data<std::int32_t>(),
                    batch.labels.data<std::int32_t>() + batch.labels.numel(),
                    batch.mixed_labels.data<std::int32_t>());
  batch.own_share = static_cast<float>(share);
}

}  // namespace espalier::datasets
