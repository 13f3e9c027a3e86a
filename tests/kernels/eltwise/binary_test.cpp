#include <doctest/doctest.h>

#include <bit>

#include "kernels/eltwise/eltwise.h"
#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

constexpr BinaryOp kOps[] = {BinaryOp::add, BinaryOp::sub, BinaryOp::mul, BinaryOp::div};

double apply(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::add:
      return a + b;
    case BinaryOp::sub:
      return a - b;
    case BinaryOp::mul:
      return a * b;
    case BinaryOp::div:
      return a / b;
  }
  return NAN;
}

// One operation, rounded once: half an ulp of results that are below 8.
constexpr double kTolerance = 4 * kEpsilon;

}  // namespace

TEST_CASE_TEMPLATE("binary operations on arrays agree with the reference at every tail", T, float, Bf16) {
  for (std::size_t n : {1, 15, 16, 17, 33, 40000}) {
    const Doubles a = random_values<T>(n, 1), b = random_values<T>(n, 2, 2.0);
    const Buffer<T> fa = plain_elements<T>(a), fb = plain_elements<T>(b);
    for_each_isa<EltwiseKernels<T>>([&](const EltwiseKernels<T>& kernels) {
      const auto size = static_cast<std::int64_t>(n);
      decltype(kernels.add) functions[] = {kernels.add, kernels.sub, kernels.mul, kernels.div};
      for (std::size_t op = 0; op < 4; ++op) {
        Doubles expected(n);
        for (std::size_t i = 0; i < n; ++i) expected[i] = apply(kOps[op], a[i], b[i]);
        Buffer<T> dst(n + 1);
        functions[op](fa.data(), fb.data(), dst.data(), size);
        CHECK(worst_error(dst, expected) < kTolerance);
        CHECK(std::isnan(widen(dst.data()[n])));
      }
      Doubles affine(n), accumulated(n);
      for (std::size_t i = 0; i < n; ++i) {
        affine[i] = 0.5 * a[i] + 3.0;
        accumulated[i] = b[i] + 0.25 * a[i];
      }
      Buffer<T> dst(n), sum = plain_elements<T>(b);
      kernels.affine(fa.data(), 0.5f, 3.0f, dst.data(), size);
      kernels.accumulate(fa.data(), 0.25f, sum.data(), size);
      CHECK(worst_error(dst, affine) < kTolerance);
      CHECK(worst_error(sum, accumulated) < kTolerance);
    });
  }
}

TEST_CASE_TEMPLATE("binary operations spread a value over a channel, a feature or a plane", T, float, Bf16) {
  for (std::int64_t n : kBatches) {
    for (const LaneShape& shape : {image_lanes(n, 3, 9), token_lanes(n, 4, 7), token_lanes(n, 1, 5)}) {
      const LaneShape planes = {n, shape.T, shape.C, 1, 1};
      const Doubles a = random_values<T>(logical_size(shape), 1, 3.0);
      const Doubles per_channel = random_values(static_cast<std::size_t>(shape.C), 2, 2.0);
      const Doubles per_plane = random_values(logical_size(planes), 3, 2.0);
      const Buffer<T> fa = in_lanes<T>(shape, a, 1.0f);
      const Floats fp = in_lanes(planes, per_plane, 1.0f), fc = plain_floats(per_channel);
      const auto pixels = static_cast<std::size_t>(shape.HW), channels = static_cast<std::size_t>(shape.C);
      for_each_isa<EltwiseKernels<T>>([&](const EltwiseKernels<T>& kernels) {
        for (BinaryOp op : kOps) {
          for (bool swapped : {false, true}) {
            Doubles by_channel(a.size()), by_plane(a.size());
            for (std::size_t i = 0; i < a.size(); ++i) {
              const double c = per_channel[i / pixels % channels], p = per_plane[i / pixels];
              by_channel[i] = swapped ? apply(op, c, a[i]) : apply(op, a[i], c);
              by_plane[i] = swapped ? apply(op, p, a[i]) : apply(op, a[i], p);
            }
            Buffer<T> dst(fa.size());
            kernels.binary_channel(op, swapped, shape, fa.data(), fc.data(), dst.data());
            CHECK(worst_error(shape, dst, by_channel, 4.0) < kTolerance);
            kernels.binary_plane(op, swapped, shape, fa.data(), fp.data(), dst.data());
            CHECK(worst_error(shape, dst, by_plane, 4.0) < kTolerance);
          }
        }
      });
    }
  }
}

TEST_CASE_TEMPLATE("dropout drops its share, scales the rest, and draws the same mask again", T, float,
                   Bf16) {
  const std::size_t n = 100003;
  const Buffer<T> ones = plain_elements<T>(Doubles(n, 1.0));
  Buffer<T> first(n);
  eltwise<T>().dropout(ones.data(), first.data(), n, {.key = 7, .probability = 0.3f});
  std::size_t dropped = 0, scaled = 0;
  for (std::size_t i = 0; i < n; ++i) {
    dropped += widen(first.data()[i]) == 0.0f;
    scaled += widen(first.data()[i]) == widen(element_from<T>(1.0f / (1.0f - 0.3f)));
  }
  CHECK(dropped + scaled == n);
  // The share of n draws has a deviation of sqrt(p (1 - p) / n) = 0.0014.
  CHECK(std::fabs(static_cast<double>(dropped) / static_cast<double>(n) - 0.3) < 0.006);
  for_each_isa<EltwiseKernels<T>>([&](const EltwiseKernels<T>& kernels) {
    Buffer<T> again(n), other(n), none(n);
    kernels.dropout(ones.data(), again.data(), n, {.key = 7, .probability = 0.3f});
    CHECK(again.same_bits(first));
    kernels.dropout(ones.data(), other.data(), n, {.key = 8, .probability = 0.3f});
    CHECK(!other.same_bits(first));
    kernels.dropout(ones.data(), none.data(), n, {.key = 7, .probability = 0.0f});
    CHECK(none.same_bits(ones));
  });
}

TEST_CASE_TEMPLATE("elementwise kernels give the same bits for any number of threads", T, float, Bf16) {
  const std::size_t n = 100003;
  const Buffer<T> src = plain_elements<T>(random_values<T>(n, 1));
  for_each_isa<EltwiseKernels<T>>([&](const EltwiseKernels<T>& kernels) {
    CHECK(same_for_any_threads<T>(n, [&](Buffer<T>& dst) { kernels.gelu_fwd(src.data(), dst.data(), n); }));
    CHECK(same_for_any_threads<T>(n, [&](Buffer<T>& dst) {
      kernels.dropout(src.data(), dst.data(), n, {.key = 3, .probability = 0.5f});
    }));
  });
}

TEST_CASE("bf16 is widened to f32 without loss and rounded from it to the nearest, at every tail") {
  for (std::size_t n : {1, 15, 16, 17, 33, 40000}) {
    const Floats values = plain_floats(random_values(n, 1));
    const auto size = static_cast<std::int64_t>(n);
    for_each_isa<EltwiseKernels<Bf16>>([&](const EltwiseKernels<Bf16>& kernels) {
      Buffer<Bf16> rounded(n + 1);
      Floats widened(n + 1);
      kernels.round(values.data(), rounded.data(), size);
      kernels.widen(rounded.data(), widened.data(), size);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < n; ++i) {
        wrong += rounded.data()[i].bits != round_to_bf16(values.data()[i]).bits;
        wrong += widened.data()[i] != widen(rounded.data()[i]);
      }
      CHECK(wrong == 0);
      CHECK(std::isnan(widen(rounded.data()[n])));
      CHECK(std::isnan(widened.data()[n]));
    });
  }
}

}  // namespace espalier::kernels
