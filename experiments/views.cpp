#include "experiments/views.h"

#include <algorithm>
#include <cstdlib>

#include "datasets/augment/reflect.h"
#include "framework/core/error.h"
#include "framework/ops/add.h"
#include "framework/ops/scale.h"
#include "framework/ops/to_dtype.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"

namespace espalier {

const std::vector<std::string>& view_choices() {
  static const std::vector<std::string> names = {"one", "mirrored", "shifted"};
  return names;
}

std::vector<View> views_from(const std::string& name) {
  if (name == "one") return {{}};
  if (name == "mirrored") return {{.weight = 0.5f}, {.mirrored = true, .weight = 0.5f}};
  if (name == "shifted") {
    return {{.weight = 0.25f},
            {.mirrored = true, .weight = 0.25f},
            {.down = -1, .right = -1, .weight = 0.125f},
            {.down = -1, .right = -1, .mirrored = true, .weight = 0.125f},
            {.down = 1, .right = 1, .weight = 0.125f},
            {.down = 1, .right = 1, .mirrored = true, .weight = 0.125f}};
  }
  fail(ErrorKind::usage, "views", "'{}' is none of one, mirrored, shifted", name);
}

Tensor view_of(const Tensor& images, const View& view) {
  check(images.is_lanes() && images.rank() == 4, "views", "expected images [N, C, H, W] in lanes, got {}",
        images.shape().str());
  const std::int64_t H = images.dim(2), W = images.dim(3);
  check(std::abs(view.down) < H && std::abs(view.right) < W, "views",
        "expected images larger than a shift by {} and {}, got {}", view.down, view.right,
        images.shape().str());
  const kernels::LaneShape lanes = lane_shape(images.shape());
  const std::int64_t plane = lanes.P * kernels::kLanes;
  Tensor result = Tensor::zeros(images.shape(), Layout::lanes, images.dtype());
  with_element(images.dtype(), [&](auto element) {
    using T = decltype(element);
    for (std::int64_t at = 0; at < lanes.floats(); at += plane) {
      const T* from = images.data<T>() + at;
      T* to = result.data<T>() + at;
      for (std::int64_t y = 0; y < H; ++y) {
        const std::int64_t row = datasets::reflected(y - view.down, H);
        for (std::int64_t x = 0; x < W; ++x) {
          const std::int64_t column = datasets::reflected((view.mirrored ? W - 1 - x : x) - view.right, W);
          std::copy_n(from + (row * W + column) * kernels::kLanes, kernels::kLanes,
                      to + (y * W + x) * kernels::kLanes);
        }
      }
    }
  });
  return result;
}

Tensor predict_over_views(nn::Module& model, const Tensor& images, const std::vector<View>& views) {
  if (views.size() == 1) return model(images);
  Tensor sum;
  for (const View& view : views) {
    const bool as_it_is = view.down == 0 && view.right == 0 && !view.mirrored;
    // The mean is taken in f32: logits of bf16 would lose what tells the views apart.
    const Tensor of_view = ops::to_dtype(model(as_it_is ? images : view_of(images, view)), DType::f32);
    const Tensor logits = ops::scale(of_view, view.weight);
    sum = sum.defined() ? ops::add(sum, logits) : logits;
  }
  return sum;
}

}  // namespace espalier
