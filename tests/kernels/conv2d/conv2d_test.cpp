#include "kernels/conv2d/conv2d.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/dispatch.h"
#include "kernels/base/lanes.h"
#include "kernels/conv2d/candidates.h"
#include "kernels/conv2d/past_caches.h"
#include "kernels/conv2d/reference.h"
#include "tests/kernels/activation.h"
#include "tests/kernels/lanes_support.h"
#include "tests/kernels/tiles/emulated.h"

namespace espalier::kernels {
namespace {

std::string describe(const Conv2dShape& s) {
  std::ostringstream out;
  out << "N" << s.N << " IC" << s.IC << " IH" << s.IH << " IW" << s.IW << " OC" << s.OC << " KH" << s.KH
      << " KW" << s.KW << " SH" << s.SH << " SW" << s.SW << " PH" << s.PH << " PW" << s.PW << " groups"
      << s.groups;
  return out.str();
}

// Inputs of all three passes. As the contract says, gradients are zero in padding lanes, and the padding
// vectors of planes are never read: they hold NaN. Weights are numbers that the element holds, for kernels may
// round them to it.
struct Inputs {
  Activation src;
  Floats weights, bias;
  Activation diff_dst;

  Inputs(const Conv2dShape& s, std::uint32_t seed)
      : src(random_lanes(image_lanes(s.N, s.IC, std::int64_t{s.IH} * s.IW), seed, 0.5f), s.element),
        weights(Activation(Floats::random(reference::weights_size(s), seed + 1), s.element).wide),
        bias(Floats::random(static_cast<std::size_t>(s.OC), seed + 2)),
        diff_dst(random_lanes(output_lanes(s), seed + 3, 0.0f), s.element) {}

  static LaneShape output_lanes(const Conv2dShape& s) {
    return image_lanes(s.N, s.OC, std::int64_t{s.OH()} * s.OW());
  }
};

// What a pass writes: activations, or gradients of weights, which are f32.
struct Outputs {
  Activation main;
  Floats bias;

  Outputs(Conv2dPass pass, const Conv2dShape& s)
      : main(pass == Conv2dPass::forward         ? reference::dst_size(s)
             : pass == Conv2dPass::backward_data ? reference::src_size(s)
                                                 : reference::weights_size(s),
             pass == Conv2dPass::backward_weights ? Element::f32 : s.element),
        bias(static_cast<std::size_t>(s.OC)) {}
};

Conv2dArgs bind(const Inputs& in, Outputs& out, bool with_bias) {
  Conv2dArgs args;
  args.src = in.src.data();
  args.weights = in.weights.data();
  args.bias = with_bias ? in.bias.data() : nullptr;
  args.diff_dst = in.diff_dst.data();
  args.dst = args.diff_src = out.main.data();
  args.diff_weights = static_cast<float*>(out.main.data());
  args.diff_bias = with_bias ? out.bias.data() : nullptr;
  return args;
}

// The truth: from the same numbers, and not rounded.
Outputs reference_outputs(Conv2dPass pass, const Conv2dShape& shape, const Inputs& in, Conv2dArgs args) {
  Outputs out(pass, shape);
  args.src = in.src.wide.data();
  args.diff_dst = in.diff_dst.wide.data();
  args.dst = args.diff_src = args.diff_weights = out.main.wide.data();
  args.diff_bias = out.bias.data();
  reference::conv2d(pass, shape, args);
  return out;
}

// Zeros in the padding of so many planes, which may hold anything after something was added.
void clear_plane_padding(std::int64_t planes, std::int64_t pixels, Activation& dst) {
  const std::int64_t plane = plane_vectors(pixels);
  for (std::int64_t channel = 0; channel < planes; ++channel) {
    for (std::int64_t i = channel * plane * kLanes + pixels * kLanes; i < (channel + 1) * plane * kLanes;
         ++i) {
      dst.wide.data()[i] = 0.0f;
      if (dst.element == Element::bf16) dst.halves()[i] = {0};
    }
  }
}
void run(const Conv2dKernel& kernel, const Conv2dShape& shape, Conv2dArgs args) {
  Floats scratch(kernel.scratch_bytes(shape) / sizeof(float) + 16);
  args.scratch = scratch.data();
  kernel.run(shape, args);
}

// Products in one output of a pass.
double terms(Conv2dPass pass, const Conv2dShape& s) {
  const double taps = static_cast<double>(s.KH) * s.KW;
  if (pass == Conv2dPass::forward) return taps * s.IC / s.groups;
  if (pass == Conv2dPass::backward_data) return taps * s.OC / s.groups;
  return static_cast<double>(s.N) * s.OH() * s.OW();
}

// Winograd's error is not spread evenly: the transforms' large coefficients meet in the last row and column
// of a tile, whose outputs carry several times the mean error.
// Where the transforms' values are rounded to bf16, each by half of the last of 8 bits, theirs decides:
// random errors of a hundred-and-seventieth of a product at most, and rarely more than five deviations of
// their sum.
double tolerance(const Conv2dKernel& kernel, const Conv2dShape& shape) {
  const std::string_view name = kernel.name;
  const double count = terms(kernel.pass, shape);
  if (name.find("wino2x2") != std::string_view::npos) return 5.0 / 170.0 * std::sqrt(count);
  return (name.find("wino") != std::string_view::npos ? 4.0 : 1.0) * sum_tolerance(count);
}

// Those of kernels.inc, and those on tiles for CPUs without; under an emulator their loops take minutes.
const std::vector<const Conv2dKernel*>& all_kernels() {
  static const std::vector<const Conv2dKernel*> all = [] {
    std::vector<const Conv2dKernel*> rows = conv2d_kernels();
    if (kEmulated) return rows;
    for (const Conv2dKernel* row : {&conv2d_fwd_bf16_tiles_portable, &conv2d_bwd_data_bf16_tiles_portable,
                                    &conv2d_bwd_weights_bf16_tiles_portable}) {
      rows.push_back(row);
    }
    return rows;
  }();
  return all;
}

// Every kernel of this CPU that supports the shape against the reference.
void check_pass(Conv2dPass pass, const Conv2dShape& shape, const Inputs& in, bool with_bias) {
  Outputs unused(pass, shape);
  const Outputs expected = reference_outputs(pass, shape, in, bind(in, unused, with_bias));
  for (const Conv2dKernel* kernel : all_kernels()) {
    if (kernel->pass != pass || !isa_supported(kernel->isa) || !kernel->supports(shape)) continue;
    INFO(std::string(kernel->name) << " " << describe(shape) << (with_bias ? " bias" : ""));
    Outputs actual(pass, shape);
    run(*kernel, shape, bind(in, actual, with_bias));
    CHECK(max_error(actual.main, expected.main.wide) <= tolerance(*kernel, shape));
    if (pass == Conv2dPass::backward_weights && with_bias) {
      CHECK(max_difference(actual.bias, expected.bias) <= tolerance(*kernel, shape));
    }
  }
}

void check_all_kernels(const Conv2dShape& shape, std::uint32_t seed, bool with_bias) {
  const Inputs in(shape, seed);
  for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
    check_pass(pass, shape, in, with_bias);
  }
}

// {N, IC, IH, IW, OC, KH, KW, SH, SW, PH, PW, groups}
const Conv2dShape kShapes[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1},       // the smallest
    {16, 16, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1},    // ResNet-20
    {37, 3, 9, 11, 20, 3, 3, 1, 1, 1, 1, 1},    // stem, tails everywhere
    {17, 24, 8, 8, 40, 3, 3, 2, 2, 1, 1, 1},    // strided 3x3
    {17, 24, 8, 8, 40, 1, 1, 2, 2, 0, 0, 1},    // ResNet's shortcut: three of four pixels unused
    {5, 24, 7, 5, 33, 1, 1, 1, 1, 0, 0, 1},     // pointwise
    {16, 37, 6, 6, 45, 3, 3, 1, 1, 1, 1, 1},    // channels that fill no block
    {16, 64, 4, 4, 64, 3, 3, 1, 1, 1, 1, 1},    // small planes
    {3, 70, 2, 2, 66, 3, 3, 1, 1, 1, 1, 1},     // planes smaller than the kernel
    {16, 6, 12, 12, 8, 7, 7, 2, 2, 3, 3, 1},    // ImageNet stem
    {16, 8, 9, 9, 8, 3, 3, 1, 1, 1, 1, 8},      // depthwise
    {16, 8, 9, 9, 16, 3, 3, 2, 2, 1, 1, 8},     // depthwise, two outputs a channel
    {16, 12, 6, 6, 18, 3, 3, 1, 1, 1, 1, 3},    // grouped
    {1, 2, 5, 6, 3, 5, 4, 1, 1, 4, 3, 1},       // pads up to the kernel's size
    {2, 3, 11, 13, 4, 2, 3, 3, 4, 0, 1, 1},     // stride wider than the kernel: skipped pixels
    {16, 4, 5, 5, 4, 5, 5, 1, 1, 0, 0, 1},      // one output pixel
    {33, 5, 3, 40, 7, 1, 5, 1, 2, 0, 2, 1},     // flat and wide
    {16, 130, 2, 2, 150, 1, 1, 1, 1, 0, 0, 1},  // more than one block of channels
    {32, 130, 4, 4, 150, 3, 3, 1, 1, 1, 1, 1},
    {16, 200, 24, 6, 2, 3, 3, 1, 1, 1, 1, 1},  // more than a strip, forward on tiles
    {5, 8, 40, 12, 200, 3, 3, 2, 2, 1, 1, 1},  // backward data
    {5, 4, 20, 16, 128, 3, 1, 1, 1, 1, 0, 1},  // and backward weights
};

TEST_CASE("every conv2d kernel agrees with the reference on the shapes that networks have") {
  std::uint32_t seed = 1;
  for (Conv2dShape shape : kShapes) {
    if (kEmulated && shape.macs() > 10e6) continue;
    for (Element element : kElements) {
      shape.element = element;
      check_all_kernels(shape, seed += 10, true);
      check_all_kernels(shape, seed += 10, false);
    }
  }
}

TEST_CASE("every conv2d kernel agrees with the reference on random shapes") {
  std::mt19937 engine(20);
  const auto between = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(engine);
  };
  for (int i = 0; i < (kEmulated ? 60 : 300); ++i) {
    Conv2dShape s;
    s.N = between(1, 35);
    s.groups = between(0, 3) == 0 ? between(2, 4) : 1;
    s.IC = s.groups * between(1, 20);
    s.OC = s.groups * between(1, 36);
    s.KH = between(1, 4);
    s.KW = between(1, 4);
    s.SH = between(1, 3);
    s.SW = between(1, 3);
    s.PH = between(0, s.KH - 1);
    s.PW = between(0, s.KW - 1);
    s.IH = std::max(between(1, 9), s.KH - 2 * s.PH);
    s.IW = std::max(between(1, 9), s.KW - 2 * s.PW);
    s.element = kElements[between(0, 1)];
    check_all_kernels(s, 1000 + 10 * static_cast<std::uint32_t>(i), i % 2 == 0);
  }
}

TEST_CASE("outputs that go past the caches agree with the reference") {
  if (kEmulated) return;
  const Conv2dShape pointwise = {16, 4, 64, 64, 40, 1, 1, 1, 1, 0, 0, 1};
  const Conv2dShape depthwise = {16, 40, 64, 64, 40, 3, 3, 1, 1, 1, 1, 40};
  // Winograd's, which streams whole tiles alone: here the last row and column are cut off.
  const Conv2dShape widening = {17, 8, 62, 62, 18, 3, 3, 1, 1, 1, 1, 1};
  const Conv2dShape narrowing = {17, 18, 62, 62, 8, 3, 3, 1, 1, 1, 1, 1};
  for (const Conv2dShape& shape : {pointwise, depthwise, widening}) {
    REQUIRE(goes_past_caches<float>(static_cast<std::int64_t>(reference::dst_size(shape))));
    check_pass(Conv2dPass::forward, shape, Inputs(shape, 7000), true);
  }
  for (const Conv2dShape& shape : {depthwise, narrowing}) {
    REQUIRE(goes_past_caches<float>(static_cast<std::int64_t>(reference::src_size(shape))));
    check_pass(Conv2dPass::backward_data, shape, Inputs(shape, 7010), false);
  }
}

// Roundings of equal numbers go the same way: a sum in one chain of f32 is off by hundreds of epsilons here.
TEST_CASE("the gradient of a bias is good to a few epsilons however many values it sums") {
  const Conv2dShape shape = {128, 1, 32, 32, 2, 1, 1, 1, 1, 0, 0, 1};
  Inputs in(shape, 1);
  std::fill_n(in.diff_dst.wide.data(), in.diff_dst.wide.size(), 0.1f);
  const double expected = 128.0 * 32 * 32 * static_cast<double>(0.1f);
  for (const Conv2dKernel* kernel : conv2d_kernels()) {
    if (kernel->pass != Conv2dPass::backward_weights || !isa_supported(kernel->isa) ||
        !kernel->supports(shape))
      continue;
    INFO(std::string(kernel->name));
    Outputs out(Conv2dPass::backward_weights, shape);
    run(*kernel, shape, bind(in, out, true));
    CHECK(std::fabs(out.bias.data()[0] / expected - 1.0) < 8 * kEpsilon);
  }
}

// With weights prepared once and whatever may follow the sums; the residual's padding vectors count for
// nothing.
TEST_CASE("forward with prepared weights, residual and ReLU agrees with the reference") {
  std::uint32_t seed = 5000;
  for (Conv2dShape shape : kShapes) {
    if (kEmulated && shape.macs() > 10e6) continue;
    shape.element = kElements[seed / 10 % 2];
    const Inputs in(shape, seed += 10);
    const Activation residual(random_lanes(Inputs::output_lanes(shape), seed + 5, 0.5f), shape.element);
    for (int variant = 0; variant < 4; ++variant) {
      Outputs unused(Conv2dPass::forward, shape);
      Conv2dArgs args = bind(in, unused, variant != 2);
      args.relu = variant % 2 == 1;
      args.residual = variant >= 2 ? residual.wide.data() : nullptr;
      Outputs expected = reference_outputs(Conv2dPass::forward, shape, in, args);
      clear_plane_padding(groups(shape.N) * shape.OC, std::int64_t{shape.OH()} * shape.OW(), expected.main);
      args.residual = variant >= 2 ? residual.data() : nullptr;
      for (const Conv2dKernel* kernel : conv2d_kernels()) {
        if (kernel->pass != Conv2dPass::forward || !isa_supported(kernel->isa) || !kernel->supports(shape))
          continue;
        INFO(std::string(kernel->name) << " " << describe(shape) << " variant " << variant);
        const bool prepares = kernel->prepare != nullptr;
        if (shape.element == Element::f32) REQUIRE(prepares);
        if (!prepares) continue;
        Floats prepared(kernel->prepared_bytes(shape) / sizeof(float));
        kernel->prepare(shape, in.weights.data(), prepared.data());
        for (bool once : {true, false}) {
          Outputs actual(Conv2dPass::forward, shape);
          args.dst = actual.main.data();
          args.prepared = once ? prepared.data() : nullptr;
          args.weights = once ? nullptr : in.weights.data();
          run(*kernel, shape, args);
          clear_plane_padding(groups(shape.N) * shape.OC, std::int64_t{shape.OH()} * shape.OW(), actual.main);
          CHECK(max_error(actual.main, expected.main.wide) <= tolerance(*kernel, shape));
        }
      }
    }
  }
}

// To what is there: a gradient of the activation's other uses.
TEST_CASE("backward data that adds gives the sum") {
  std::uint32_t seed = 9000;
  int added = 0;
  for (Conv2dShape shape : kShapes) {
    if (kEmulated && shape.macs() > 10e6) continue;
    for (Element element : kElements) {
      shape.element = element;
      const Inputs in(shape, seed += 10);
      const auto before = [&] {
        return Activation(Floats::random(reference::src_size(shape), seed + 5), element);
      };
      Outputs unused(Conv2dPass::backward_data, shape);
      Outputs expected = reference_outputs(Conv2dPass::backward_data, shape, in, bind(in, unused, false));
      const Activation earlier = before();
      for (std::size_t i = 0; i < earlier.wide.size(); ++i) {
        expected.main.wide.data()[i] += earlier.wide.data()[i];
      }
      clear_plane_padding(groups(shape.N) * shape.IC, std::int64_t{shape.IH} * shape.IW, expected.main);
      for (const Conv2dKernel* kernel : all_kernels()) {
        if (!kernel->adds || !isa_supported(kernel->isa) || !kernel->supports(shape)) continue;
        INFO(std::string(kernel->name) << " " << describe(shape));
        CHECK(kernel->pass == Conv2dPass::backward_data);
        Outputs actual(Conv2dPass::backward_data, shape);
        actual.main = before();
        Conv2dArgs args = bind(in, actual, false);
        args.accumulate = true;
        run(*kernel, shape, args);
        CHECK(max_error(actual.main, expected.main.wide) <= tolerance(*kernel, shape));
        ++added;
      }
    }
  }
  CHECK(added > 0);
}

TEST_CASE("the bits of a conv2d do not depend on the number of threads") {
  const Conv2dShape shapes[] = {
      {40, 20, 8, 8, 36, 3, 3, 1, 1, 1, 1, 1}, {33, 3, 12, 12, 20, 3, 3, 1, 1, 1, 1, 1},
      {20, 16, 9, 9, 34, 3, 3, 2, 2, 1, 1, 1}, {16, 64, 4, 4, 70, 1, 1, 1, 1, 0, 0, 1},
      {48, 6, 10, 10, 6, 3, 3, 1, 1, 1, 1, 6},
  };
  for (Conv2dShape shape : shapes) {
    if (kEmulated && shape.macs() > 5e6) continue;
    for (Element element : kElements) {
      shape.element = element;
      const Inputs in(shape, 7);
      for (const Conv2dKernel* kernel : conv2d_kernels()) {
        if (!isa_supported(kernel->isa) || !kernel->supports(shape)) continue;
        Outputs one(kernel->pass, shape);
        with_threads(1, [&] { run(*kernel, shape, bind(in, one, true)); });
        for (int threads = 2; threads <= 4; ++threads) {
          INFO(std::string(kernel->name) << " " << describe(shape) << " threads " << threads);
          Outputs many(kernel->pass, shape);
          with_threads(threads, [&] { run(*kernel, shape, bind(in, many, true)); });
          CHECK(many.main.written().same_bits(one.main.written()));
          CHECK(many.bias.same_bits(one.bias));
        }
      }
    }
  }
}

TEST_CASE("select_conv2d picks a kernel of the asked pass that may run here") {
  for (Conv2dShape shape : kShapes) {
    for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
      shape.element = kElements[shape.IC % 2];
      const Conv2dKernel& kernel = select_conv2d(shape, pass);
      CHECK(kernel.pass == pass);
      CHECK(isa_supported(kernel.isa));
      CHECK(kernel.supports(shape));
    }
  }
}

TEST_CASE("where the CPU has matrix tiles, what they support is computed on them") {
  if (!isa_eligible(Isa::amx)) return;
  for (Conv2dShape shape : kShapes) {
    shape.element = Element::bf16;
    for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
      CHECK((conv2d_algorithm(select_conv2d(shape, pass).name) == "tiles") == (shape.groups == 1));
    }
  }
  CHECK(linear_bf16().isa == Isa::amx);
}

}  // namespace
}  // namespace espalier::kernels
