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
  Doubles x, gamma, beta, residual, dy;

  Case(const LaneShape& s, std::uint32_t seed, double mean = 0.5, double spread = 2.0)
      : shape(s),
        x(random_values<T>(logical_size(s), seed, mean, spread)),
        gamma(random_values(static_cast<std::size_t>(s.C), seed + 1, 1.0, 0.5)),
        beta(random_values(static_cast<std::size_t>(s.C), seed + 2)),
        residual(random_values<T>(logical_size(s), seed + 3)),
        dy(random_values<T>(logical_size(s), seed + 4)) {}

  std::size_t N() const { return static_cast<std::size_t>(shape.N); }
  std::size_t C() const { return static_cast<std::size_t>(shape.C); }
  std::size_t HW() const { return static_cast<std::size_t>(shape.HW); }
  std::size_t floats() const { return static_cast<std::size_t>(shape.floats()); }
};

template <class T>
struct Forward {
  Floats gamma, beta;
  Buffer<T> src, residual, dst;
  Floats mean, variance, inv_std;

  explicit Forward(const Case<T>& c)
      : gamma(plain_floats(c.gamma)),
        beta(plain_floats(c.beta)),
        src(in_lanes<T>(c.shape, c.x, 7.0f)),
        residual(in_lanes<T>(c.shape, c.residual, -3.0f)),
        dst(c.floats()),
        mean(c.C()),
        variance(c.C()),
        inv_std(c.C()) {}

  BatchNormFwd<T> args(bool with_residual, bool relu) {
    BatchNormFwd<T> a;
    a.src = src.data();
    a.gamma = gamma.data();
    a.beta = beta.data();
    a.residual = with_residual ? residual.data() : nullptr;
    a.relu = relu;
    a.dst = dst.data();
    a.mean = mean.data();
    a.variance = variance.data();
    a.inv_std = inv_std.data();
    return a;
  }
};

template <class T>
struct Backward {
  Buffer<T> diff_dst, diff_src, diff_residual;
  Floats diff_gamma, diff_beta;

  explicit Backward(const Case<T>& c)
      : diff_dst(in_lanes<T>(c.shape, c.dy, 0.0f)),
        diff_src(c.floats()),
        diff_residual(c.floats()),
        diff_gamma(c.C()),
        diff_beta(c.C()) {}

  BatchNormBwd<T> args(Forward<T>& f, bool with_residual, bool relu, bool batch_statistics) {
    BatchNormBwd<T> a;
    a.src = f.src.data();
    a.gamma = f.gamma.data();
    a.beta = f.beta.data();
    a.mean = f.mean.data();
    a.inv_std = f.inv_std.data();
    a.batch_statistics = batch_statistics;
    a.relu = relu;
    a.dst = with_residual ? f.dst.data() : nullptr;
    a.diff_dst = diff_dst.data();
    a.diff_src = diff_src.data();
    a.diff_residual = with_residual ? diff_residual.data() : nullptr;
    a.diff_gamma = diff_gamma.data();
    a.diff_beta = diff_beta.data();
    return a;
  }
};

Doubles as_doubles(const Floats& floats) { return Doubles(floats.data(), floats.data() + floats.size()); }

// Values are below 10 and sums of up to some thousand terms are taken in blocks: each result is within some
// tens of epsilons of its magnitude.
constexpr double kTolerance = 64 * kEpsilon;

template <class T>
void check_case(const NormKernels<T>& kernels, const Case<T>& c, bool with_residual, bool relu,
                bool training) {
  CAPTURE(c.shape.N);
  CAPTURE(c.shape.C);
  CAPTURE(c.shape.HW);
  CAPTURE(with_residual);
  CAPTURE(relu);
  CAPTURE(training);
  reference::Statistics truth = reference::channel_statistics(c.x, c.N(), c.C(), c.HW(), 1e-5);
  Forward<T> forward(c);
  if (training) {
    kernels.batch_norm_fwd_training(c.shape, forward.args(with_residual, relu));
    const double count = static_cast<double>(c.N() * c.HW());
    Doubles unbiased = truth.variance;
    for (double& v : unbiased) v *= count / (count > 1.0 ? count - 1.0 : 1.0);
    CHECK(worst_error(forward.mean, truth.mean) < kTolerance);
    CHECK(worst_error(forward.variance, unbiased) < kTolerance);
  } else {
    truth.mean = random_values(c.C(), 91);
    truth.variance = random_values(c.C(), 92, 1.0, 0.5);
    forward.mean = plain_floats(truth.mean);
    forward.variance = plain_floats(truth.variance);
    for (std::size_t i = 0; i < c.C(); ++i) truth.inv_std[i] = 1.0 / std::sqrt(truth.variance[i] + 1e-5);
    kernels.batch_norm_fwd_inference(c.shape, forward.args(with_residual, relu));
  }
  const double largest = *std::max_element(truth.inv_std.begin(), truth.inv_std.end());
  CHECK(worst_error(forward.inv_std, truth.inv_std, largest) < kTolerance);
  const Doubles y = reference::batch_norm_fwd(c.x, c.N(), c.C(), c.HW(), truth, c.gamma, c.beta,
                                              with_residual ? c.residual : Doubles{}, relu);
  CHECK(worst_error(c.shape, forward.dst, y, 1.0 + largest) < kTolerance);

  // From the kernel's own statistics and signs: near zero another rounding would open or close the ReLU.
  truth.mean = as_doubles(forward.mean);
  truth.inv_std = as_doubles(forward.inv_std);
  Doubles got_y(y.size());
  for_each_element(c.shape, [&](std::size_t i, std::size_t at) { got_y[i] = widen(forward.dst.data()[at]); });
  const reference::BatchNormGradients gradients =
      reference::batch_norm_bwd(c.x, got_y, c.dy, c.N(), c.C(), c.HW(), truth, c.gamma, training, relu);
  Backward<T> backward(c);
  kernels.batch_norm_bwd(c.shape, backward.args(forward, with_residual, relu, training));
  const double terms = std::sqrt(static_cast<double>(c.N() * c.HW()));
  CHECK(worst_error(c.shape, backward.diff_src, gradients.diff_src, largest * (1.0 + largest)) < kTolerance);
  CHECK(worst_error(backward.diff_gamma, gradients.diff_gamma, (1.0 + largest) * terms) < kTolerance);
  CHECK(worst_error(backward.diff_beta, gradients.diff_beta, terms) < kTolerance);
  CHECK(padding_lanes_are_zero(c.shape, backward.diff_src));
  if (with_residual) {
    CHECK(worst_error(c.shape, backward.diff_residual, gradients.diff_residual) == 0.0);
    CHECK(padding_lanes_are_zero(c.shape, backward.diff_residual));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("batch norm agrees with the reference forward and backward, fused with ReLU and residual",
                   T, float, Bf16) {
  for_each_isa<NormKernels<T>>([](const NormKernels<T>& kernels) {
    std::uint32_t seed = 1;
    for (std::int64_t n : kBatches) {
      for (std::int64_t pixels : {1, 4, 9, 64}) {
        if (n * pixels < 4) continue;
        const Case<T> c(image_lanes(n, 3, pixels), seed += 10);
        for (int variant = 0; variant < 8; ++variant) {
          check_case(kernels, c, (variant & 1) != 0, (variant & 2) != 0, (variant & 4) != 0);
        }
      }
    }
    check_case(kernels, Case<T>(image_lanes(21, 2, 32 * 32), 5), true, true, true);
  });
}

TEST_CASE("batch norm keeps the variance of values far from zero") {
  // mean / deviation = 10^4: squares about zero would lose all digits of the variance in f32.
  const Case<float> c(image_lanes(37, 2, 81), 3, 5000.0, 0.9);
  const reference::Statistics truth = reference::channel_statistics(c.x, c.N(), c.C(), c.HW(), 1e-5);
  for_each_isa<NormKernels<float>>([&](const NormKernels<float>& kernels) {
    Forward<float> forward(c);
    kernels.batch_norm_fwd_training(c.shape, forward.args(false, false));
    CHECK(worst_error(forward.inv_std, truth.inv_std) < 16 * kEpsilon);
    CHECK(worst_error(forward.mean, truth.mean, 5000.0) < kEpsilon);
  });
}

TEST_CASE_TEMPLATE("batch norm keeps the variance when the first vector is an outlier", T, float, Bf16) {
  Case<T> c(image_lanes(16, 1, 1024), 3);
  for (std::size_t n = 0; n < c.N(); ++n) c.x[n * c.HW()] = 1000.0;
  const reference::Statistics truth = reference::channel_statistics(c.x, c.N(), c.C(), c.HW(), 1e-5);
  for_each_isa<NormKernels<T>>([&](const NormKernels<T>& kernels) {
    Forward<T> forward(c);
    kernels.batch_norm_fwd_training(c.shape, forward.args(false, false));
    CHECK(worst_error(forward.inv_std, truth.inv_std, truth.inv_std[0]) < kTolerance);
  });
}

TEST_CASE("batch norm without gamma and beta uses ones and zeros") {
  Case<float> c(image_lanes(5, 2, 9), 3);
  c.gamma.assign(2, 1.0);
  c.beta.assign(2, 0.0);
  for_each_isa<NormKernels<float>>([&](const NormKernels<float>& kernels) {
    Forward<float> with(c), without(c);
    kernels.batch_norm_fwd_training(c.shape, with.args(false, true));
    BatchNormFwd<float> args = without.args(false, true);
    args.gamma = args.beta = nullptr;
    kernels.batch_norm_fwd_training(c.shape, args);
    CHECK(worst_error(c.shape, with.dst, [&] {
            Doubles values(logical_size(c.shape));
            for_each_element(c.shape,
                             [&](std::size_t i, std::size_t at) { values[i] = without.dst.data()[at]; });
            return values;
          }()) == 0.0);
  });
}

TEST_CASE_TEMPLATE("batch norm gives the same bits for any number of threads", T, float, Bf16) {
  const Case<T> c(image_lanes(37, 7, 49), 3);
  for_each_isa<NormKernels<T>>([&](const NormKernels<T>& kernels) {
    Forward<T> forward(c);
    CHECK(same_for_any_threads<T>(c.floats(), [&](Buffer<T>& out) {
      BatchNormFwd<T> args = forward.args(true, true);
      args.dst = out.data();
      kernels.batch_norm_fwd_training(c.shape, args);
    }));
    kernels.batch_norm_fwd_training(c.shape, forward.args(true, true));
    Backward<T> backward(c);
    CHECK(same_for_any_threads<T>(c.floats(), [&](Buffer<T>& out) {
      BatchNormBwd<T> args = backward.args(forward, true, true, true);
      args.diff_src = out.data();
      kernels.batch_norm_bwd(c.shape, args);
    }));
  });
}

TEST_CASE_TEMPLATE("batch norm streams large outputs to the same values", T, float, Bf16) {
  // Above the size from which stores go past the caches.
  const Case<T> c(image_lanes(64, 20 / sizeof(T), 57 * 57), 3);
  for_each_isa<NormKernels<T>>([&](const NormKernels<T>& kernels) {
    if (kernels.isa == Isa::portable) return;
    check_case(kernels, c, true, true, true);
    check_case(kernels, c, false, true, true);
  });
}

}  // namespace espalier::kernels
