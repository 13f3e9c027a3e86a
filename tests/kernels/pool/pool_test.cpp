#include "kernels/pool/pool.h"

#include <doctest/doctest.h>

#include "kernels/pool/reference.h"
#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

PoolShape pool_shape(std::int64_t n, int channels, int height, int width, int kernel_h, int kernel_w,
                     int stride, int padding) {
  PoolShape s;
  s.N = n;
  s.C = channels;
  s.IH = height;
  s.IW = width;
  s.KH = kernel_h;
  s.KW = kernel_w;
  s.SH = s.SW = stride;
  s.PH = s.PW = padding;
  return s;
}

template <class T>
std::vector<PoolShape> shapes() {
  std::vector<PoolShape> all;
  for (std::int64_t n : kBatches) {
    all.push_back(pool_shape(n, 3, 8, 8, 2, 2, 2, 0));    // VGG
    all.push_back(pool_shape(n, 2, 11, 11, 3, 3, 2, 1));  // ResNet's stem: windows overlap
    all.push_back(pool_shape(n, 2, 7, 9, 2, 2, 2, 0));    // a rest that no window covers
    all.push_back(pool_shape(n, 2, 6, 5, 3, 2, 1, 1));
    all.push_back(pool_shape(n, 1, 9, 9, 2, 2, 3, 0));  // gaps between windows
    all.push_back(pool_shape(n, 3, 5, 5, 5, 5, 5, 0));  // the whole plane
  }
  all.push_back(pool_shape(64, 20 / sizeof(T), 60, 60, 2, 2, 2, 0));  // large enough to be streamed
  return all;
}

template <class T>
struct Case {
  PoolShape shape;
  Doubles x, dy;
  Buffer<T> src, diff_dst, dst, diff_src;

  explicit Case(const PoolShape& s)
      : shape(s),
        x(random_values<T>(reference::src_size(s), 1)),
        dy(random_values<T>(reference::dst_size(s), 2)),
        src(in_lanes<T>(s.src(), x, 3.0f)),
        diff_dst(in_lanes<T>(s.dst(), dy, 0.0f)),
        dst(static_cast<std::size_t>(s.dst().floats())),
        diff_src(static_cast<std::size_t>(s.src().floats())) {}
};

// Sums of at most 25 values below 1.
constexpr double kTolerance = 16 * kEpsilon;

// A pixel under k windows takes in k gradients below 1, and is rounded to T after each but the first.
template <class T>
double overlap_tolerance(const PoolShape& s) {
  const int windows = ((s.KH + s.SH - 1) / s.SH) * ((s.KW + s.SW - 1) / s.SW);
  return kTolerance + kRounding<T> * (windows - 1) * windows / 2;
}

}  // namespace

TEST_CASE_TEMPLATE("max pooling agrees with the reference forward and backward", T, float, Bf16) {
  for (const PoolShape& shape : shapes<T>()) {
    CAPTURE(shape.N);
    CAPTURE(shape.IH);
    CAPTURE(shape.KH);
    for_each_isa<PoolKernels<T>>([&](const PoolKernels<T>& kernels) {
      Case<T> c(shape);
      std::vector<std::uint16_t> indices(c.dst.size());
      kernels.max_fwd(shape, c.src.data(), c.dst.data(), indices.data());
      CHECK(worst_error(shape.dst(), c.dst, reference::max_fwd(shape, c.x)) == 0.0);
      kernels.max_bwd(shape, indices.data(), c.diff_dst.data(), c.diff_src.data());
      CHECK(worst_error(shape.src(), c.diff_src, reference::max_bwd(shape, c.x, c.dy)) <
            overlap_tolerance<T>(shape));
      CHECK(padding_lanes_are_zero(shape.src(), c.diff_src));
    });
  }
}

TEST_CASE_TEMPLATE("of equal values the first wins, and NaN wins over all", T, float, Bf16) {
  const PoolShape shape = pool_shape(1, 1, 2, 2, 2, 2, 2, 0);
  for_each_isa<PoolKernels<T>>([&](const PoolKernels<T>& kernels) {
    Buffer<T> dst(16);
    std::vector<std::uint16_t> indices(16);
    const Buffer<T> equal = in_lanes<T>(shape.src(), {1.0, 2.0, 2.0, 2.0}, 0.0f);
    kernels.max_fwd(shape, equal.data(), dst.data(), indices.data());
    CHECK(indices[0] == 1);
    const Buffer<T> with_nan = in_lanes<T>(shape.src(), {1.0, NAN, 3.0, 2.0}, 0.0f);
    kernels.max_fwd(shape, with_nan.data(), dst.data(), nullptr);
    CHECK(std::isnan(widen(dst.data()[0])));
    const Buffer<T> lowest = in_lanes<T>(shape.src(), Doubles(4, -HUGE_VAL), 0.0f);
    kernels.max_fwd(shape, lowest.data(), dst.data(), indices.data());
    CHECK(widen(dst.data()[0]) == -HUGE_VALF);
    CHECK(indices[0] == 0);
  });
}

TEST_CASE_TEMPLATE("average pooling agrees with the reference, counting the padding or not", T, float, Bf16) {
  for (PoolShape shape : shapes<T>()) {
    for (bool count_include_pad : {true, false}) {
      shape.count_include_pad = count_include_pad;
      for_each_isa<PoolKernels<T>>([&](const PoolKernels<T>& kernels) {
        Case<T> c(shape);
        kernels.average_fwd(shape, c.src.data(), c.dst.data());
        CHECK(worst_error(shape.dst(), c.dst, reference::average_fwd(shape, c.x)) < kTolerance);
        kernels.average_bwd(shape, c.diff_dst.data(), c.diff_src.data());
        CHECK(worst_error(shape.src(), c.diff_src, reference::average_bwd(shape, c.dy)) <
              overlap_tolerance<T>(shape));
        CHECK(padding_lanes_are_zero(shape.src(), c.diff_src));
      });
    }
  }
}

TEST_CASE_TEMPLATE("global average pooling is average pooling over the plane", T, float, Bf16) {
  for (std::int64_t n : kBatches) {
    const PoolShape shape = pool_shape(n, 5, 12, 12, 12, 12, 12, 0);
    for_each_isa<PoolKernels<T>>([&](const PoolKernels<T>& kernels) {
      Case<T> c(shape);
      kernels.global_average_fwd(shape.src(), c.src.data(), c.dst.data());
      CHECK(worst_error(shape.dst(), c.dst, reference::average_fwd(shape, c.x)) < kTolerance);
      kernels.global_average_bwd(shape.src(), c.diff_dst.data(), c.diff_src.data());
      CHECK(worst_error(shape.src(), c.diff_src, reference::average_bwd(shape, c.dy)) < kTolerance);
      CHECK(padding_lanes_are_zero(shape.src(), c.diff_src));
    });
  }
}

TEST_CASE_TEMPLATE("pooling gives the same bits for any number of threads", T, float, Bf16) {
  const PoolShape shape = pool_shape(37, 9, 23, 23, 3, 3, 2, 1);
  Case<T> c(shape);
  for_each_isa<PoolKernels<T>>([&](const PoolKernels<T>& kernels) {
    std::vector<std::uint16_t> indices(c.dst.size());
    // The padding of planes is not written: a whole buffer compares only when it starts the same, as Buffer
    // does.
    CHECK(same_for_any_threads<T>(c.dst.size(), [&](Buffer<T>& out) {
      kernels.max_fwd(shape, c.src.data(), out.data(), indices.data());
    }));
    CHECK(same_for_any_threads<T>(c.src.size(), [&](Buffer<T>& out) {
      kernels.max_bwd(shape, indices.data(), c.diff_dst.data(), out.data());
    }));
  });
}

}  // namespace espalier::kernels
