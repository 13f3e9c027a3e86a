#include "kernels/spconv2d/spconv2d.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/spconv2d/reference.h"
#include "tests/kernels/activation.h"
#include "tests/kernels/lanes_support.h"
#include "tests/kernels/spconv2d/random_blocks.h"

namespace espalier::kernels {
namespace {

// As the contract says, gradients are zero in padding lanes, and the padding vectors of planes are never
// read: they hold NaN.
struct Inputs {
  Activation src;
  Floats values, bias;
  Activation diff_dst;

  Inputs(const Conv2dShape& s, const RandomBlocks& kept, std::uint32_t seed)
      : src(random_lanes(image_lanes(s.N, s.IC, std::int64_t{s.IH} * s.IW), seed, 0.5f), s.element),
        values(Floats::random(kept.value_count(), seed + 1)),
        bias(Floats::random(static_cast<std::size_t>(s.OC), seed + 2)),
        diff_dst(random_lanes(image_lanes(s.N, s.OC, std::int64_t{s.OH()} * s.OW()), seed + 3, 0.0f),
                 s.element) {}
};

std::size_t output_size(Conv2dPass pass, const Conv2dShape& s, const RandomBlocks& kept) {
  return pass == Conv2dPass::forward         ? reference::dst_size(s)
         : pass == Conv2dPass::backward_data ? reference::src_size(s)
                                             : kept.value_count();
}

SpConv2dArgs bind(const Inputs& in, void* out, Floats* diff_bias, bool with_bias) {
  SpConv2dArgs args;
  args.src = in.src.data();
  args.values = in.values.data();
  args.bias = with_bias ? in.bias.data() : nullptr;
  args.diff_dst = in.diff_dst.data();
  args.dst = args.diff_src = out;
  args.diff_values = static_cast<float*>(out);
  args.diff_bias = with_bias ? diff_bias->data() : nullptr;
  return args;
}

void run(const SpConv2dKernels& kernels, const Conv2dShape& s, const SparseBlocks& blocks, Conv2dPass pass,
         SpConv2dArgs args) {
  Floats scratch(kernels.scratch_bytes(s, blocks, pass) / sizeof(float) + 16);
  args.scratch = scratch.data();
  kernels.run(s, blocks, pass, args);
}

double terms(Conv2dPass pass, const Conv2dShape& s) {
  const double taps = static_cast<double>(s.KH) * s.KW;
  if (pass == Conv2dPass::forward) return taps * s.IC;
  if (pass == Conv2dPass::backward_data) return taps * s.OC;
  return static_cast<double>(s.N) * s.OH() * s.OW();
}

void check_all(const Conv2dShape& s, int size, double density, std::uint32_t seed, bool with_bias) {
  const RandomBlocks kept(s.OC, s.IC, s.KH * s.KW, size, density, seed);
  const Inputs in(s, kept, seed + 1);
  std::ostringstream what;
  what << "N" << s.N << " IC" << s.IC << " IH" << s.IH << " IW" << s.IW << " OC" << s.OC << " KH" << s.KH
       << " KW" << s.KW << " SH" << s.SH << " SW" << s.SW << " PH" << s.PH << " PW" << s.PW << " block "
       << size << " density " << density;
  INFO(what.str());
  for (Conv2dPass pass : kPasses) {
    CAPTURE(static_cast<int>(pass));
    Floats expected(output_size(pass, s, kept)), expected_bias(static_cast<std::size_t>(s.OC));
    SpConv2dArgs truth = bind(in, expected.data(), &expected_bias, with_bias);
    truth.src = in.src.wide.data();
    truth.diff_dst = in.diff_dst.wide.data();
    reference::spconv2d(pass, s, kept.blocks, truth);
    for_each_isa<SpConv2dKernels>([&](const SpConv2dKernels& kernels) {
      Activation actual(expected.size(), pass == Conv2dPass::backward_weights ? Element::f32 : s.element);
      Floats actual_bias(static_cast<std::size_t>(s.OC));
      run(kernels, s, kept.blocks, pass, bind(in, actual.data(), &actual_bias, with_bias));
      CHECK(max_error(actual, expected) <= sum_tolerance(terms(pass, s)));
      if (pass == Conv2dPass::backward_weights && with_bias)
        CHECK(max_difference(actual_bias, expected_bias) <= sum_tolerance(terms(pass, s)));
    });
  }
}

// {N, IC, IH, IW, OC, KH, KW, SH, SW, PH, PW, groups}
const Conv2dShape kShapes[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1},     // the smallest
    {17, 12, 8, 16, 8, 3, 3, 1, 1, 1, 1, 1},  // whole subtiles
    {17, 12, 8, 8, 20, 3, 3, 2, 2, 1, 1, 1},  // strided: four planes
    {17, 12, 8, 8, 20, 1, 1, 2, 2, 0, 0, 1},  // ResNet's shortcut: three planes are never read
    {3, 6, 12, 12, 8, 7, 7, 2, 2, 3, 3, 1},   // ImageNet's stem
    {3, 70, 4, 4, 34, 3, 3, 1, 1, 1, 1, 1},   // several chunks, tails in blocks
    {3, 34, 2, 2, 35, 3, 3, 1, 1, 1, 1, 1},   // planes smaller than the kernel
    {2, 3, 11, 13, 4, 2, 3, 3, 4, 0, 1, 1},   // stride wider than the kernel
    {5, 24, 7, 5, 33, 1, 1, 1, 1, 0, 0, 1},   // pointwise
};

TEST_CASE("spconv2d agrees with the masked dense reference on the shapes that networks have") {
  std::uint32_t seed = 1;
  for (Conv2dShape shape : kShapes) {
    for (int size : {1, 4}) {
      for (double density : {0.0, 0.1, 1.0}) {
        for (Element element : kElements) {
          shape.element = element;
          check_all(shape, size, density, seed += 10, true);
        }
      }
    }
  }
}

TEST_CASE("spconv2d agrees with the masked dense reference on random shapes and densities") {
  std::mt19937 engine(21);
  const auto between = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(engine);
  };
  for (int i = 0; i < (kEmulated ? 20 : 80); ++i) {
    Conv2dShape s;
    s.N = between(1, 35);
    s.IC = between(1, 24);
    s.OC = between(1, 24);
    s.KH = between(1, 4);
    s.KW = between(1, 4);
    s.SH = between(1, 3);
    s.SW = between(1, 3);
    s.PH = between(0, s.KH - 1);
    s.PW = between(0, s.KW - 1);
    s.IH = std::max(between(1, 11), s.KH - 2 * s.PH);
    s.IW = std::max(between(1, 11), s.KW - 2 * s.PW);
    s.element = kElements[between(0, 1)];
    const double density = std::pow(0.5, between(0, 6));
    check_all(s, i % 3 == 0 ? 4 : 1, density, 1000 + 10 * static_cast<std::uint32_t>(i), i % 2 == 0);
  }
}

// The values of blocks of one weight as lists of where they read.
struct Lists {
  std::vector<std::int32_t> begin, offset;
  std::vector<float> value;

  Lists(const Conv2dShape& s, const RandomBlocks& kept, const Floats& values) : begin(kept.output_begin) {
    const std::int64_t plane = plane_vectors(std::int64_t{s.IH} * s.IW);
    for (std::size_t k = 0; k < kept.output_column.size(); ++k) {
      const int column = kept.output_column[k], tap = column % (s.KH * s.KW);
      const std::int64_t vector =
          column / (s.KH * s.KW) * plane + std::int64_t{tap / s.KW} * s.IW + tap % s.KW;
      offset.push_back(static_cast<std::int32_t>(vector * kLanes));
      value.push_back(values.data()[k]);
    }
  }
};

TEST_CASE("forward with prepared lists, residual and ReLU agrees with the masked dense reference") {
  std::uint32_t seed = 3000;
  for (Conv2dShape shape : kShapes) {
    for (bool padded : {true, false}) {
      if (!padded) {
        shape.IH += 2 * shape.PH, shape.IW += 2 * shape.PW;
        shape.PH = shape.PW = 0;
      }
      for (int size : {1, 4}) {
        const RandomBlocks kept(shape.OC, shape.IC, shape.KH * shape.KW, size, 0.2, seed += 10);
        const Inputs in(shape, kept, seed + 1);
        const LaneShape lanes = image_lanes(shape.N, shape.OC, std::int64_t{shape.OH()} * shape.OW());
        const Floats residual = random_lanes(lanes, seed + 2, 0.0f);
        for (bool relu : {false, true}) {
          const auto finish = [&](SpConv2dArgs args) {
            args.residual = relu && size == 4 ? nullptr : residual.data();
            args.relu = relu;
            return args;
          };
          Floats expected(output_size(Conv2dPass::forward, shape, kept));
          reference::spconv2d(Conv2dPass::forward, shape, kept.blocks,
                              finish(bind(in, expected.data(), nullptr, false)));
          Doubles values;
          for_each_element(lanes,
                           [&](std::size_t, std::size_t at) { values.push_back(expected.data()[at]); });
          const double allowed = sum_tolerance(terms(Conv2dPass::forward, shape));
          for_each_isa<SpConv2dKernels>([&](const SpConv2dKernels& kernels) {
            Floats scratch(kernels.scratch_bytes(shape, kept.blocks, Conv2dPass::forward) / sizeof(float) +
                           16);
            Floats prepared(kernels.prepared_bytes(shape, kept.blocks) / sizeof(float) + 16);
            kernels.prepare(shape, kept.blocks, in.values.data(), prepared.data(), scratch.data());
            Floats once(expected.size()), each(expected.size());
            SpConv2dArgs args = finish(bind(in, once.data(), nullptr, false));
            args.values = nullptr;
            args.prepared = prepared.data();
            run(kernels, shape, kept.blocks, Conv2dPass::forward, args);
            CHECK(worst_error(lanes, once, values) <= allowed);
            run(kernels, shape, kept.blocks, Conv2dPass::forward,
                finish(bind(in, each.data(), nullptr, false)));
            CHECK(each.same_bits(once));
            if (padded || size != 1) return;
            const Lists lists(shape, kept, in.values);
            Floats direct(expected.size());
            kernels.forward_kept(shape, {lists.begin.data(), lists.offset.data(), lists.value.data()},
                                 finish(bind(in, direct.data(), nullptr, false)));
            CHECK(worst_error(lanes, direct, values) <= allowed);
          });
        }
      }
    }
  }
}

TEST_CASE("spconv2d keeps several chunks and tiles apart") {
  // Wide enough that sums wait between chunks, and that tiles have neighbours on every side.
  Conv2dShape shape = {16, 34, 24, 40, 12, 3, 3, 1, 1, 1, 1, 1};
  if (kEmulated) return;
  for (Element element : kElements) {
    shape.element = element;
    check_all(shape, 1, 0.5, 5, true);
    check_all(shape, 4, 0.5, 6, false);
  }
}

TEST_CASE("the bits of spconv2d do not depend on the number of threads") {
  const Conv2dShape shapes[] = {{40, 20, 8, 8, 36, 3, 3, 1, 1, 1, 1, 1},
                                {5, 33, 9, 9, 20, 3, 3, 2, 2, 1, 1, 1}};
  for (const Conv2dShape& shape : shapes) {
    for (int size : {1, 4}) {
      const RandomBlocks kept(shape.OC, shape.IC, shape.KH * shape.KW, size, 0.2, 3);
      const Inputs in(shape, kept, 4);
      for (Conv2dPass pass : kPasses) {
        CHECK(same_for_any_threads(output_size(pass, shape, kept), [&](Floats& out) {
          run(spconv2d(), shape, kept.blocks, pass, bind(in, out.data(), nullptr, false));
        }));
      }
    }
  }
}

}  // namespace
}  // namespace espalier::kernels
