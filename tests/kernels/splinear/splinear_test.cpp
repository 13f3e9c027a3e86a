#include "kernels/splinear/splinear.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>

#include "kernels/splinear/reference.h"
#include "tests/kernels/activation.h"
#include "tests/kernels/lanes_support.h"
#include "tests/kernels/spconv2d/random_blocks.h"

namespace espalier::kernels {
namespace {

// Padding lanes hold a finite value in activations and 0 in gradients, as the contract says.
struct Inputs {
  Activation src;
  Floats values, bias;
  Activation diff_dst;

  Inputs(const LinearShape& s, const RandomBlocks& kept, std::uint32_t seed)
      : src(random_lanes(token_lanes(s.N, s.T, s.IC), seed, 0.5f), s.element),
        values(Floats::random(kept.value_count(), seed + 1)),
        bias(Floats::random(static_cast<std::size_t>(s.OC), seed + 2)),
        diff_dst(random_lanes(token_lanes(s.N, s.T, s.OC), seed + 3, 0.0f), s.element) {}
};

std::size_t output_size(Conv2dPass pass, const LinearShape& s, const RandomBlocks& kept) {
  const auto tokens = static_cast<std::size_t>(groups(s.N) * s.T * kLanes);
  return pass == Conv2dPass::forward         ? tokens * static_cast<std::size_t>(s.OC)
         : pass == Conv2dPass::backward_data ? tokens * static_cast<std::size_t>(s.IC)
                                             : kept.value_count();
}

SpConv2dArgs bind(const Inputs& in, void* out, Floats* diff_bias) {
  SpConv2dArgs args;
  args.src = in.src.data();
  args.values = in.values.data();
  args.bias = diff_bias == nullptr ? nullptr : in.bias.data();
  args.diff_dst = in.diff_dst.data();
  args.dst = args.diff_src = out;
  args.diff_values = static_cast<float*>(out);
  args.diff_bias = diff_bias == nullptr ? nullptr : diff_bias->data();
  return args;
}

void run(const SpLinearKernels& kernels, const LinearShape& s, const SparseBlocks& blocks, Conv2dPass pass,
         SpConv2dArgs args) {
  Floats scratch(kernels.scratch_bytes(s, blocks, pass) / sizeof(float) + 16);
  args.scratch = scratch.data();
  kernels.run(s, blocks, pass, args);
}

double terms(Conv2dPass pass, const LinearShape& s) {
  if (pass == Conv2dPass::forward) return s.IC;
  if (pass == Conv2dPass::backward_data) return s.OC;
  return static_cast<double>(s.N) * s.T;
}

void check_all(const LinearShape& s, int size, double density, std::uint32_t seed, bool with_bias) {
  const RandomBlocks kept(s.OC, s.IC, 1, size, density, seed);
  const Inputs in(s, kept, seed + 1);
  std::ostringstream what;
  what << "N" << s.N << " T" << s.T << " IC" << s.IC << " OC" << s.OC << " block " << size << " density "
       << density;
  INFO(what.str());
  for (Conv2dPass pass : kPasses) {
    CAPTURE(static_cast<int>(pass));
    Floats expected(output_size(pass, s, kept)), expected_bias(static_cast<std::size_t>(s.OC));
    SpConv2dArgs truth = bind(in, expected.data(), with_bias ? &expected_bias : nullptr);
    truth.src = in.src.wide.data();
    truth.diff_dst = in.diff_dst.wide.data();
    reference::splinear(pass, s, kept.blocks, truth);
    for_each_isa<SpLinearKernels>([&](const SpLinearKernels& kernels) {
      Activation actual(expected.size(), pass == Conv2dPass::backward_weights ? Element::f32 : s.element);
      Floats actual_bias(static_cast<std::size_t>(s.OC));
      run(kernels, s, kept.blocks, pass, bind(in, actual.data(), with_bias ? &actual_bias : nullptr));
      CHECK(max_error(actual, expected) <= sum_tolerance(terms(pass, s)));
      if (pass == Conv2dPass::backward_weights && with_bias)
        CHECK(max_difference(actual_bias, expected_bias) <= sum_tolerance(terms(pass, s)));
    });
  }
}

TEST_CASE("splinear agrees with the reference on random shapes and densities") {
  std::mt19937 engine(31);
  const auto between = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(engine);
  };
  std::uint32_t seed = 100;
  check_all({.N = 1, .T = 1, .IC = 1, .OC = 1}, 1, 1.0, seed += 10, true);
  check_all({.N = 16, .T = 16, .IC = 32, .OC = 32}, 4, 0.0, seed += 10, true);
  for (int i = 0; i < (kEmulated ? 20 : 80); ++i) {
    const LinearShape s = {.N = between(1, 50),
                           .T = between(1, 20),
                           .IC = between(1, 70),
                           .OC = between(1, 70),
                           .element = kElements[between(0, 1)]};
    check_all(s, i % 3 == 0 ? 4 : 1, std::pow(0.5, between(0, 6)), seed += 10, i % 2 == 0);
  }
}

TEST_CASE("splinear keeps several chunks and tiles apart") {
  if (kEmulated) return;
  check_all({.N = 32, .T = 65, .IC = 192, .OC = 40}, 1, 0.3, 5, true);
  check_all({.N = 32, .T = 65, .IC = 192, .OC = 40, .element = Element::bf16}, 4, 0.3, 6, false);
}

// Roundings of equal numbers go the same way: a sum in one chain of f32 is off by hundreds of epsilons here.
TEST_CASE("the gradient of splinear's bias is good to a few epsilons however many values it sums") {
  const LinearShape shape = {.N = 128, .T = 1024, .IC = 1, .OC = 11};
  const RandomBlocks kept(shape.OC, shape.IC, 1, 1, 0.0, 1);
  Inputs in(shape, kept, 2);
  std::fill_n(in.diff_dst.wide.data(), in.diff_dst.wide.size(), 0.1f);
  for_each_isa<SpLinearKernels>([&](const SpLinearKernels& kernels) {
    Floats out(kept.value_count()), bias(static_cast<std::size_t>(shape.OC));
    run(kernels, shape, kept.blocks, Conv2dPass::backward_weights, bind(in, out.data(), &bias));
    for (int oc = 0; oc < shape.OC; ++oc) {
      CHECK(std::fabs(bias.data()[oc] / (128.0 * 1024 * static_cast<double>(0.1f)) - 1.0) < 8 * kEpsilon);
    }
  });
}

TEST_CASE("the bits of splinear do not depend on the number of threads") {
  for (const LinearShape& shape : {LinearShape{40, 9, 96, 36}, LinearShape{5, 1, 33, 20}}) {
    for (int size : {1, 4}) {
      const RandomBlocks kept(shape.OC, shape.IC, 1, size, 0.2, 3);
      const Inputs in(shape, kept, 4);
      for (Conv2dPass pass : kPasses) {
        CHECK(same_for_any_threads(output_size(pass, shape, kept), [&](Floats& out) {
          run(splinear(), shape, kept.blocks, pass, bind(in, out.data(), nullptr));
        }));
      }
    }
  }
}

}  // namespace
}  // namespace espalier::kernels
