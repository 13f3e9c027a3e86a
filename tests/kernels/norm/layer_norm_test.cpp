#include <doctest/doctest.h>

#include <algorithm>

#include "kernels/norm/norm.h"
#include "kernels/norm/reference.h"
#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

template <class T>
struct Case {
  LaneShape shape;
  Doubles x, gamma, beta, dy;

  Case(std::int64_t n, std::int64_t t, std::int64_t features, std::uint32_t seed)
      : shape(token_lanes(n, t, features)),
        x(random_values<T>(logical_size(shape), seed, 0.5, 2.0)),
        gamma(random_values(static_cast<std::size_t>(features), seed + 1, 1.0, 0.5)),
        beta(random_values(static_cast<std::size_t>(features), seed + 2)),
        dy(random_values<T>(logical_size(shape), seed + 3)) {}

  std::size_t rows() const { return static_cast<std::size_t>(shape.N * shape.T); }
  std::size_t C() const { return static_cast<std::size_t>(shape.C); }
  std::size_t floats() const { return static_cast<std::size_t>(shape.floats()); }
  LaneShape row_shape() const { return token_lanes(shape.N, shape.T, 1); }
};

template <class T>
struct Run {
  Buffer<T> src, dst, diff_dst, diff_src;
  Floats gamma, beta, mean, inv_std, diff_gamma, diff_beta, scratch;

  Run(const NormKernels<T>& kernels, const Case<T>& c)
      : src(in_lanes<T>(c.shape, c.x, 7.0f)),
        dst(c.floats()),
        diff_dst(in_lanes<T>(c.shape, c.dy, 0.0f)),
        diff_src(c.floats()),
        gamma(plain_floats(c.gamma)),
        beta(plain_floats(c.beta)),
        mean(static_cast<std::size_t>(c.row_shape().floats())),
        inv_std(static_cast<std::size_t>(c.row_shape().floats())),
        diff_gamma(c.C()),
        diff_beta(c.C()),
        scratch(static_cast<std::size_t>(layer_norm_bwd_scratch_floats(c.shape))) {
    kernels.layer_norm_fwd(c.shape, {.src = src.data(),
                                     .gamma = gamma.data(),
                                     .beta = beta.data(),
                                     .epsilon = 1e-5f,
                                     .dst = dst.data(),
                                     .mean = mean.data(),
                                     .inv_std = inv_std.data()});
    kernels.layer_norm_bwd(c.shape, {.src = src.data(),
                                     .gamma = gamma.data(),
                                     .mean = mean.data(),
                                     .inv_std = inv_std.data(),
                                     .diff_dst = diff_dst.data(),
                                     .diff_src = diff_src.data(),
                                     .diff_gamma = diff_gamma.data(),
                                     .diff_beta = diff_beta.data(),
                                     .scratch = scratch.data()});
  }
};

}  // namespace

TEST_CASE_TEMPLATE("layer norm agrees with the reference forward and backward", T, float, Bf16) {
  for_each_isa<NormKernels<T>>([](const NormKernels<T>& kernels) {
    std::uint32_t seed = 1;
    for (std::int64_t n : kBatches) {
      for (std::int64_t t : {1, 3, 50}) {
        for (std::int64_t features : {7, 64}) {
          CAPTURE(n);
          CAPTURE(t);
          CAPTURE(features);
          const Case<T> c(n, t, features, seed += 10);
          const Run<T> run(kernels, c);
          const reference::Statistics s = reference::row_statistics(c.x, c.rows(), c.C(), 1e-5);
          const auto gradients = reference::layer_norm_bwd(c.x, c.dy, c.rows(), c.C(), s, c.gamma);
          const double largest = *std::max_element(s.inv_std.begin(), s.inv_std.end());
          // Sums of at most 64 terms below 10; sums over rows wander as the square root of their number.
          const double tolerance = 64 * kEpsilon, terms = std::sqrt(static_cast<double>(c.rows()));
          CHECK(worst_error(c.row_shape(), run.mean, s.mean) < tolerance);
          CHECK(worst_error(c.row_shape(), run.inv_std, s.inv_std, largest) < tolerance);
          CHECK(worst_error(c.shape, run.dst,
                            reference::layer_norm_fwd(c.x, c.rows(), c.C(), s, c.gamma, c.beta),
                            1.0 + largest) < tolerance);
          CHECK(worst_error(c.shape, run.diff_src, gradients.diff_src, largest * (1.0 + largest)) <
                tolerance);
          CHECK(worst_error(run.diff_gamma, gradients.diff_gamma, (1.0 + largest) * terms) < tolerance);
          CHECK(worst_error(run.diff_beta, gradients.diff_beta, terms) < tolerance);
          CHECK(padding_lanes_are_zero(c.shape, run.diff_src));
        }
      }
    }
  });
}

TEST_CASE_TEMPLATE("layer norm gives the same bits for any number of threads", T, float, Bf16) {
  const Case<T> c(37, 30, 24, 3);
  for_each_isa<NormKernels<T>>([&](const NormKernels<T>& kernels) {
    CHECK(same_for_any_threads<T>(c.floats(), [&](Buffer<T>& out) {
      Run<T> run(kernels, c);
      for (std::size_t i = 0; i < out.size(); ++i) out.data()[i] = run.diff_src.data()[i];
    }));
    CHECK(same_for_any_threads(c.C(), [&](Floats& out) {
      Run<T> run(kernels, c);
      for (std::size_t i = 0; i < out.size(); ++i) out.data()[i] = run.diff_gamma.data()[i];
    }));
  });
}

}  // namespace espalier::kernels
