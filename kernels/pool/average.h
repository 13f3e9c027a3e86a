// Average pooling over windows and over whole planes, forward and backward.
#pragma once

#include "kernels/base/blocked_sum.h"
#include "kernels/pool/windows.h"

namespace espalier::kernels {
namespace {

ESPALIER_INLINE Vec window_scale(const PoolShape& shape, const Window& window) {
  return broadcast(1.0f / static_cast<float>(shape.count_include_pad ? shape.KH * shape.KW : window.taps()));
}

template <class T>
void average_fwd(const PoolShape& shape, const T* src, T* dst) {
  const LaneShape from_shape = shape.src();
  gather(shape, dst, [&](std::int64_t plane, const auto& write) {
    const T* from = src + plane * from_shape.P * kLanes;
    for_each_window(shape, [&](std::int64_t out, const Window& window) {
      Vec total = zero();
      for_each_tap(shape, window, [&](int, std::int64_t pixel) { total += load(from + pixel * kLanes); });
      write(out, total * window_scale(shape, window));
    });
  });
}

template <class T>
void average_bwd(const PoolShape& shape, const T* diff_dst, T* diff_src) {
  scatter(shape, diff_src, [&](std::int64_t plane, const auto& give) {
    const T* from = diff_dst + plane * shape.dst().P * kLanes;
    for_each_window(shape, [&](std::int64_t out, const Window& window) {
      const Vec share = load(from + out * kLanes) * window_scale(shape, window);
      for_each_tap(shape, window, [&](int, std::int64_t pixel) { give(pixel, share); });
    });
  });
}

template <class T>
void global_average_fwd(const LaneShape& shape, const T* src, T* dst) {
  const Vec scale = broadcast(1.0f / static_cast<float>(shape.HW));
  for_each_row(shape.G() * shape.T * shape.C, shape.P * kLanes, [&](std::int64_t plane) {
    const T* from = src + plane * shape.P * kLanes;
    store(dst + plane * kLanes,
          lane_sum(shape.HW, [&](std::int64_t p) { return load(from + p * kLanes); }) * scale);
  });
}

template <class T>
void global_average_bwd(const LaneShape& shape, const T* diff_dst, T* diff_src) {
  const Vec scale = broadcast(1.0f / static_cast<float>(shape.HW));
  const Output output = output_for(diff_src, shape.floats(), false);
  with_output(output, [&](auto write) {
    for_each_row(
        shape.G() * shape.T * shape.C, shape.P * kLanes,
        [&](std::int64_t plane) {
          const Vec share = load(diff_dst + plane * kLanes) * scale;
          T* to = diff_src + plane * shape.P * kLanes;
          for (std::int64_t p = 0; p < shape.HW; ++p) write(to + p * kLanes, share);
        },
        output);
  });
}

}  // namespace
}  // namespace espalier::kernels
