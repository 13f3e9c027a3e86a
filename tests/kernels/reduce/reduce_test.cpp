#include "kernels/reduce/reduce.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

double total(const Doubles& values) {
  double result = 0.0;
  for (double v : values) result += v;
  return result;
}

// Blocks of 128 vectors in f32: up to 37 additions in a row of values below 1 in magnitude, whose roundings
// wander.
double tolerance(double terms) { return 8 * kEpsilon * std::sqrt(terms); }

}  // namespace

TEST_CASE_TEMPLATE("plain arrays are reduced at every tail", T, float, Bf16) {
  for (std::size_t n : {1, 15, 16, 17, 1000, 16384, 70001, 1500003}) {
    CAPTURE(n);
    const Doubles x = random_values<T>(n, 1);
    const Buffer<T> floats = plain_elements<T>(x);
    Doubles squares(n);
    double largest = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      squares[i] = x[i] * x[i];
      largest = std::max(largest, std::fabs(x[i]));
    }
    const auto size = static_cast<std::int64_t>(n);
    for_each_isa<ReduceKernels<T>>([&](const ReduceKernels<T>& kernels) {
      CHECK(std::fabs(kernels.sum(floats.data(), size) - total(x)) < tolerance(static_cast<double>(n)));
      // Squares of bf16 lie on a coarse grid, where roundings wander less freely.
      const double of_grid = kRounding<T> > 0.0 ? kEpsilon * total(squares) : 0.0;
      CHECK(std::fabs(kernels.sum_squares(floats.data(), size) - total(squares)) <
            tolerance(static_cast<double>(n)) + of_grid);
      CHECK(static_cast<double>(kernels.max_abs(floats.data(), size)) == largest);
      CHECK(kernels.count_nonfinite(floats.data(), size) == 0);
    });
  }
}

TEST_CASE("a sum of ten million ones is exact") {
  const std::size_t n = 10000000;
  Floats ones(n);
  for (std::size_t i = 0; i < n; ++i) ones.data()[i] = 1.0f;
  for_each_isa<ReduceKernels<>>(
      [&](const ReduceKernels<>& kernels) { CHECK(kernels.sum(ones.data(), n) == 1e7); });
}

TEST_CASE_TEMPLATE("infinities and NaN are counted and not lost in the maximum", T, float, Bf16) {
  for (std::size_t n : {3, 40, 50000}) {
    for (std::size_t place : {std::size_t{0}, n / 2, n - 1}) {
      Buffer<T> x = plain_elements<T>(random_values<T>(n, 1));
      const auto size = static_cast<std::int64_t>(n);
      for_each_isa<ReduceKernels<T>>([&](const ReduceKernels<T>& kernels) {
        x.data()[place] = element_from<T>(NAN);
        CHECK(kernels.count_nonfinite(x.data(), size) == 1);
        CHECK(std::isnan(kernels.max_abs(x.data(), size)));
        x.data()[place] = element_from<T>(-std::numeric_limits<float>::infinity());
        CHECK(kernels.count_nonfinite(x.data(), size) == 1);
        CHECK(std::isinf(kernels.max_abs(x.data(), size)));
      });
    }
  }
}

TEST_CASE_TEMPLATE("activations are reduced without their padding", T, float, Bf16) {
  for (std::int64_t n : kBatches) {
    for (const LaneShape& shape :
         {image_lanes(n, 3, 64), image_lanes(n, 5, 1), token_lanes(n, 9, 7), image_lanes(n, 2, 900)}) {
      CAPTURE(n);
      CAPTURE(shape.HW);
      const Doubles a = random_values<T>(logical_size(shape), 1),
                    b = random_values<T>(logical_size(shape), 2);
      // Padding lanes of activations are finite but arbitrary; those of the planes are NaN.
      const Buffer<T> fa = in_lanes<T>(shape, a, 1e30f), fb = in_lanes<T>(shape, b, 1.0f);
      const auto channels = static_cast<std::size_t>(shape.C), pixels = static_cast<std::size_t>(shape.HW);
      const LaneShape planes = {n, shape.T, shape.C, 1, 1};
      Doubles channel_sum(channels), channel_dot(channels), plane_sum(logical_size(planes)),
          plane_dot(logical_size(planes));
      for (std::size_t i = 0; i < a.size(); ++i) {
        channel_sum[i / pixels % channels] += a[i];
        channel_dot[i / pixels % channels] += a[i] * b[i];
        plane_sum[i / pixels] += a[i];
        plane_dot[i / pixels] += a[i] * b[i];
      }
      const double terms = static_cast<double>(a.size());
      for_each_isa<ReduceKernels<T>>([&](const ReduceKernels<T>& kernels) {
        Floats by_channel(channels);
        Buffer<T> by_plane(static_cast<std::size_t>(planes.floats()));
        kernels.channel_sum(shape, fa.data(), by_channel.data());
        CHECK(worst_error(by_channel, channel_sum) < tolerance(terms));
        kernels.channel_dot(shape, fa.data(), fb.data(), by_channel.data());
        CHECK(worst_error(by_channel, channel_dot) < tolerance(terms));
        kernels.plane_sum(shape, fa.data(), by_plane.data());
        CHECK(worst_error(planes, by_plane, plane_sum) < tolerance(terms));
        kernels.plane_dot(shape, fa.data(), fb.data(), by_plane.data());
        CHECK(worst_error(planes, by_plane, plane_dot) < tolerance(terms));
        CHECK(std::fabs(kernels.lanes_sum(shape, fa.data()) - total(a)) < tolerance(terms));
        CHECK(kernels.lanes_count_nonfinite(shape, fa.data()) == 0);
      });
    }
  }
}

TEST_CASE_TEMPLATE("an axis of any array is summed", T, float, Bf16) {
  for (std::int64_t outer : {1, 3}) {
    for (std::int64_t R : {1, 7, 300}) {
      for (std::int64_t inner : {1, 5, 16, 33}) {
        const Doubles x = random_values<T>(static_cast<std::size_t>(outer * R * inner), 1);
        Doubles expected(static_cast<std::size_t>(outer * inner));
        for (std::int64_t i = 0; i < outer * R * inner; ++i) {
          expected[static_cast<std::size_t>(i / (R * inner) * inner + i % inner)] +=
              x[static_cast<std::size_t>(i)];
        }
        const Buffer<T> floats = plain_elements<T>(x);
        for_each_isa<ReduceKernels<T>>([&](const ReduceKernels<T>& kernels) {
          Buffer<T> dst(expected.size());
          kernels.axis_sum(outer, R, inner, floats.data(), dst.data());
          CHECK(worst_error(dst, expected) < tolerance(static_cast<double>(R)));
        });
      }
    }
  }
}

TEST_CASE_TEMPLATE("reductions give the same bits for any number of threads", T, float, Bf16) {
  const LaneShape shape = image_lanes(37, 7, 400);
  const Buffer<T> x = in_lanes<T>(shape, random_values<T>(logical_size(shape), 1), 0.0f);
  const Buffer<T> plain = plain_elements<T>(random_values<T>(300001, 2));
  for_each_isa<ReduceKernels<T>>([&](const ReduceKernels<T>& kernels) {
    CHECK(same_for_any_threads(7, [&](Floats& dst) { kernels.channel_sum(shape, x.data(), dst.data()); }));
    const double once = kernels.sum(plain.data(), 300001), lanes_once = kernels.lanes_sum(shape, x.data());
    for (int threads = 1; threads <= 4; ++threads) {
      with_threads(threads, [&] {
        CHECK(kernels.sum(plain.data(), 300001) == once);
        CHECK(kernels.lanes_sum(shape, x.data()) == lanes_once);
      });
    }
  });
}

}  // namespace espalier::kernels
