#include "kernels/update/update.h"

#include <doctest/doctest.h>

#include "kernels/update/reference.h"
#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

constexpr std::size_t kSizes[] = {1, 5, 15, 16, 17, 33, 1000, 20003};
constexpr int kSteps = 5;

std::vector<std::uint8_t> random_mask(std::size_t n) {
  std::mt19937 engine(9);
  std::vector<std::uint8_t> mask(n);
  for (std::uint8_t& m : mask) m = engine() % 2;
  return mask;
}

// One parameter of n weights, in f32 for the kernel and in double for the reference.
struct Parameter {
  Doubles w, m, v;
  Floats weight, first, second;

  explicit Parameter(std::size_t n)
      : w(random_values(n, 1)),
        m(n),
        v(n),
        weight(plain_floats(w)),
        first(plain_floats(m)),
        second(plain_floats(v)) {}
};

// Five steps on weights and gradients of at most 1: some tens of roundings.
constexpr double kTolerance = 32 * kEpsilon;

void check_sgd(const UpdateKernels& kernels, const SgdParams& params, std::size_t n, bool masked) {
  Parameter p(n);
  const std::vector<std::uint8_t> mask = random_mask(n);
  for (int step = 0; step < kSteps; ++step) {
    const Doubles gradient = random_values(n, 10 + static_cast<std::uint32_t>(step));
    const Floats g = plain_floats(gradient);
    kernels.sgd(params, static_cast<std::int64_t>(n), masked ? mask.data() : nullptr, g.data(),
                p.weight.data(), params.momentum != 0.0f ? p.first.data() : nullptr);
    for (std::size_t i = 0; i < n; ++i)
      reference::sgd(params, !masked || mask[i] != 0, gradient[i], p.w[i], p.m[i]);
  }
  CHECK(worst_error(p.weight, p.w) < kTolerance);
  CHECK(worst_error(p.first, p.m) < kTolerance);
}

void check_adam(const UpdateKernels& kernels, AdamParams params, std::size_t n, bool masked) {
  Parameter p(n);
  const std::vector<std::uint8_t> mask = random_mask(n);
  for (int step = 0; step < kSteps; ++step) {
    const Doubles gradient = random_values(n, 10 + static_cast<std::uint32_t>(step));
    const Floats g = plain_floats(gradient);
    params.step = step + 1;
    kernels.adam(params, static_cast<std::int64_t>(n), masked ? mask.data() : nullptr, g.data(),
                 p.weight.data(), p.first.data(), p.second.data());
    for (std::size_t i = 0; i < n; ++i) {
      reference::adam(params, !masked || mask[i] != 0, gradient[i], p.w[i], p.m[i], p.v[i]);
    }
  }
  CHECK(worst_error(p.weight, p.w) < kTolerance);
  CHECK(worst_error(p.first, p.m) < kTolerance);
  CHECK(worst_error(p.second, p.v) < kTolerance);
}

}  // namespace

TEST_CASE("SGD follows PyTorch's formula in every variant and at every tail") {
  for_each_isa<UpdateKernels>([](const UpdateKernels& kernels) {
    for (std::size_t n : kSizes) {
      for (int variant = 0; variant < 16; ++variant) {
        SgdParams params;
        params.lr = 0.1f;
        params.momentum = (variant & 1) != 0 ? 0.9f : 0.0f;
        params.nesterov = (variant & 3) == 3;
        params.weight_decay = 5e-2f;
        params.decoupled = (variant & 4) != 0;
        params.gradient_scale = (variant & 8) != 0 ? 0.37f : 1.0f;
        CAPTURE(n);
        CAPTURE(variant);
        check_sgd(kernels, params, n, false);
        check_sgd(kernels, params, n, true);
      }
    }
  });
}

TEST_CASE("Adam and AdamW follow PyTorch's formula at every tail") {
  for_each_isa<UpdateKernels>([](const UpdateKernels& kernels) {
    for (std::size_t n : kSizes) {
      for (bool decoupled : {true, false}) {
        AdamParams params;
        params.lr = 1e-2f;
        params.weight_decay = 5e-2f;
        params.gradient_scale = 0.37f;
        params.decoupled = decoupled;
        CAPTURE(n);
        check_adam(kernels, params, n, false);
        check_adam(kernels, params, n, true);
      }
    }
  });
}

TEST_CASE("a masked weight and its moments are exactly zero, whatever they and the gradient were") {
  const std::size_t n = 37;
  const auto size = static_cast<std::int64_t>(n);
  const std::vector<std::uint8_t> mask = random_mask(n);
  for_each_isa<UpdateKernels>([&](const UpdateKernels& kernels) {
    Parameter p(n);
    Floats gradient = plain_floats(random_values(n, 2)), average = plain_floats(random_values(n, 3));
    for (std::size_t i = 0; i < n; ++i) {
      if (mask[i] != 0) continue;
      gradient.data()[i] = NAN;
      p.first.data()[i] = HUGE_VALF;
      p.second.data()[i] = -1.0f;
    }
    const auto all_zero = [&](const Floats& values) {
      for (std::size_t i = 0; i < n; ++i) {
        if (mask[i] == 0 && (values.data()[i] != 0.0f || std::signbit(values.data()[i]))) return false;
        if (mask[i] != 0 && !std::isfinite(values.data()[i])) return false;
      }
      return true;
    };
    AdamParams adam;
    adam.lr = 0.1f;
    kernels.adam(adam, size, mask.data(), gradient.data(), p.weight.data(), p.first.data(), p.second.data());
    CHECK(all_zero(p.weight));
    CHECK(all_zero(p.first));
    CHECK(all_zero(p.second));

    for (std::size_t i = 0; i < n; ++i) p.weight.data()[i] = p.first.data()[i] = -1.0f;
    SgdParams sgd;
    sgd.lr = 0.1f;
    sgd.momentum = 0.9f;
    sgd.weight_decay = 1.0f;
    kernels.sgd(sgd, size, mask.data(), gradient.data(), p.weight.data(), p.first.data());
    CHECK(all_zero(p.weight));
    CHECK(all_zero(p.first));

    kernels.ema(0.9, size, mask.data(), p.weight.data(), average.data());
    CHECK(all_zero(average));
    for (std::size_t i = 0; i < n; ++i) average.data()[i] = -1.0f;
    kernels.apply_mask(size, mask.data(), average.data());
    CHECK(all_zero(average));
  });
}

TEST_CASE("averaged weights follow the formula") {
  for (std::size_t n : kSizes) {
    const Doubles weight = random_values(n, 1), average = random_values(n, 2);
    const Floats w = plain_floats(weight);
    Doubles expected(n);
    for (std::size_t i = 0; i < n; ++i) expected[i] = 0.999 * average[i] + (1.0 - 0.999) * weight[i];
    for_each_isa<UpdateKernels>([&](const UpdateKernels& kernels) {
      Floats a = plain_floats(average);
      kernels.ema(0.999, static_cast<std::int64_t>(n), nullptr, w.data(), a.data());
      CHECK(worst_error(a, expected) < 2 * kEpsilon);
    });
  }
}

TEST_CASE("squares are summed over kept weights only, NaN of pruned ones left out") {
  for (std::size_t n : kSizes) {
    CAPTURE(n);
    const Doubles values = random_values(n, 1);
    const std::vector<std::uint8_t> mask = random_mask(n);
    double of_all = 0.0, of_kept = 0.0;
    Floats gradient = plain_floats(values), holed = plain_floats(values);
    for (std::size_t i = 0; i < n; ++i) {
      of_all += values[i] * values[i];
      if (mask[i] != 0) of_kept += values[i] * values[i];
      if (mask[i] == 0) holed.data()[i] = NAN;
    }
    for_each_isa<UpdateKernels>([&](const UpdateKernels& kernels) {
      const auto size = static_cast<std::int64_t>(n);
      // An f32 accumulator takes 32 positive values: their roundings are below 32 epsilons of the sum.
      CHECK(std::abs(kernels.sum_squares(size, nullptr, gradient.data()) - of_all) <= 32 * kEpsilon * of_all);
      CHECK(std::abs(kernels.sum_squares(size, mask.data(), holed.data()) - of_kept) <=
            32 * kEpsilon * of_kept);
    });
  }
}

TEST_CASE("updates give the same bits for any number of threads") {
  const std::size_t n = 100003;
  const std::vector<std::uint8_t> mask = random_mask(n);
  const Floats gradient = plain_floats(random_values(n, 2));
  AdamParams params;
  params.lr = 0.1f;
  for_each_isa<UpdateKernels>([&](const UpdateKernels& kernels) {
    CHECK(same_for_any_threads(n, [&](Floats& out) {
      Parameter p(n);
      kernels.adam(params, n, mask.data(), gradient.data(), p.weight.data(), p.first.data(), p.second.data());
      for (std::size_t i = 0; i < n; ++i) out.data()[i] = p.weight.data()[i];
    }));
  });
}

}  // namespace espalier::kernels
