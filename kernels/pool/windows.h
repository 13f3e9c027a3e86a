// The walk over the windows of a plane that every kind of pooling shares.
#pragma once

#include "kernels/base/map.h"
#include "kernels/pool/pool.h"

namespace espalier::kernels {
namespace {

template <class Body>
void for_each_plane(const PoolShape& shape, const Body& body, Output output = Output::cached) {
  for_each_row(groups(shape.N) * shape.C, shape.src().P * kLanes, body, output);
}

// The taps of one window that lie in the plane: kh_begin .. kh_end-1 by kw_begin .. kw_end-1.
struct Window {
  int ih, iw;  // where tap (0, 0) lies, in the plane or in its padding
  int kh_begin, kh_end, kw_begin, kw_end;
  int first_tap;

  int taps() const { return (kh_end - kh_begin) * (kw_end - kw_begin); }
};

// body(index of the output pixel, window)
template <class Body>
ESPALIER_INLINE void for_each_window(const PoolShape& shape, const Body& body) {
  const int OH = shape.OH(), OW = shape.OW();
  for (int oh = 0; oh < OH; ++oh) {
    Window w;
    w.ih = oh * shape.SH - shape.PH;
    w.kh_begin = w.ih < 0 ? -w.ih : 0;
    w.kh_end = w.ih + shape.KH > shape.IH ? shape.IH - w.ih : shape.KH;
    for (int ow = 0; ow < OW; ++ow) {
      w.iw = ow * shape.SW - shape.PW;
      w.kw_begin = w.iw < 0 ? -w.iw : 0;
      w.kw_end = w.iw + shape.KW > shape.IW ? shape.IW - w.iw : shape.KW;
      w.first_tap = w.kh_begin * shape.KW + w.kw_begin;
      body(std::int64_t{oh} * OW + ow, w);
    }
  }
}

// body(tap, index of the source pixel), row by row
template <class Body>
ESPALIER_INLINE void for_each_tap(const PoolShape& shape, const Window& w, const Body& body) {
  for (int kh = w.kh_begin; kh < w.kh_end; ++kh) {
    const std::int64_t row = std::int64_t{w.ih + kh} * shape.IW + w.iw;
    for (int kw = w.kw_begin; kw < w.kw_end; ++kw) body(kh * shape.KW + kw, row + kw);
  }
}

// Do the windows cover every source pixel exactly once?
inline bool windows_tile(const PoolShape& shape) {
  return shape.KH == shape.SH && shape.KW == shape.SW && shape.PH == 0 && shape.PW == 0 &&
         shape.OH() * shape.SH == shape.IH && shape.OW() * shape.SW == shape.IW;
}

// Forward's plane loop: body(plane, write), where write(out, value) sets an output pixel.
template <class T, class Body>
void gather(const PoolShape& shape, T* dst, const Body& body) {
  const LaneShape to_shape = shape.dst();
  const Output output = output_for(dst, to_shape.floats(), false);
  with_output(output, [&](auto put) {
    for_each_plane(
        shape,
        [&](std::int64_t plane) {
          T* to = dst + plane * to_shape.P * kLanes;
          body(plane, [=](std::int64_t out, Vec value) { put(to + out * kLanes, value); });
        },
        output);
  });
}

// Backward's plane loop: body(plane, give), where give(pixel, value) adds to the gradient of a source pixel.
// When the windows tile the plane each pixel is given to once, so it is written without
// having been cleared. Where they overlap a pixel of bf16 is rounded after every addition.
template <class T, class Body>
void scatter(const PoolShape& shape, T* diff_src, const Body& body) {
  const LaneShape to_shape = shape.src();
  if (windows_tile(shape)) {
    const Output output = output_for(diff_src, to_shape.floats(), false);
    with_output(output, [&](auto put) {
      for_each_plane(
          shape,
          [&](std::int64_t plane) {
            T* to = diff_src + plane * to_shape.P * kLanes;
            body(plane, [=](std::int64_t pixel, Vec value) { put(to + pixel * kLanes, value); });
          },
          output);
    });
    return;
  }
  for_each_plane(shape, [&](std::int64_t plane) {
    T* to = diff_src + plane * to_shape.P * kLanes;
    for (std::int64_t pixel = 0; pixel < to_shape.HW; ++pixel) store(to + pixel * kLanes, zero());
    body(plane, [=](std::int64_t pixel, Vec value) {
      store(to + pixel * kLanes, load(to + pixel * kLanes) + value);
    });
  });
}

}  // namespace
}  // namespace espalier::kernels
