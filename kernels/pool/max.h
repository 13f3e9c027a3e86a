// Max pooling, forward and backward.
#pragma once

#include "kernels/pool/windows.h"

namespace espalier::kernels {
namespace {

template <class T>
void max_fwd(const PoolShape& shape, const T* src, T* dst, std::uint16_t* indices) {
  const LaneShape from_shape = shape.src(), to_shape = shape.dst();
  gather(shape, dst, [&](std::int64_t plane, const auto& write) {
    const T* from = src + plane * from_shape.P * kLanes;
    std::uint16_t* tap_out = indices == nullptr ? nullptr : indices + plane * to_shape.P * kLanes;
    for_each_window(shape, [&](std::int64_t out, const Window& window) {
      Vec best = broadcast(-__builtin_inff()), index = broadcast(static_cast<float>(window.first_tap));
      for_each_tap(shape, window, [&](int tap, std::int64_t pixel) {
        const Vec x = load(from + pixel * kLanes);
        const Mask16 wins = either(greater(x, best), is_nan(x));
        best = select(wins, x, best);
        index = select(wins, broadcast(static_cast<float>(tap)), index);
      });
      write(out, best);
      if (tap_out != nullptr) store_u16(tap_out + out * kLanes, index);
    });
  });
}

template <class T>
void max_bwd(const PoolShape& shape, const std::uint16_t* indices, const T* diff_dst, T* diff_src) {
  scatter(shape, diff_src, [&](std::int64_t plane, const auto& give) {
    const std::int64_t first = plane * shape.dst().P;
    for_each_window(shape, [&](std::int64_t out, const Window& window) {
      const Vec gradient = load(diff_dst + (first + out) * kLanes);
      const Vec index = load_u16(indices + (first + out) * kLanes);
      for_each_tap(shape, window, [&](int tap, std::int64_t pixel) {
        give(pixel, select(equal(index, broadcast(static_cast<float>(tap))), gradient, zero()));
      });
    });
  });
}

}  // namespace
}  // namespace espalier::kernels
