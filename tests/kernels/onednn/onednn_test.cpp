// Two independent implementations of the same contract: ours and oneDNN's.
#include "kernels/onednn/onednn.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "kernels/layout/layout.h"
#include "tests/kernels/support.h"

#if defined(ESPALIER_WITH_ONEDNN)

#include "kernels/onednn/conv2d_plan.h"

namespace espalier::kernels {
namespace {

Floats lanes(const LaneShape& shape, std::uint32_t seed, bool gradient = false) {
  Floats floats = Floats::random(static_cast<std::size_t>(shape.floats()), seed);
  if (gradient) layout().clear_padding_lanes(shape, floats.data());
  return floats;
}

// The largest difference over the images; padding lanes of activations may hold anything finite.
double image_difference(const LaneShape& shape, const Floats& a, const Floats& b) {
  const auto images = static_cast<std::size_t>(shape.N * shape.T * shape.C * shape.HW);
  Floats plain_a(images), plain_b(images);
  layout().from_lanes(shape, a.data(), plain_a.data());
  layout().from_lanes(shape, b.data(), plain_b.data());
  return max_difference(plain_a, plain_b);
}

void run(const Conv2dKernel& kernel, const Conv2dShape& shape, Conv2dArgs args) {
  Floats scratch(kernel.scratch_bytes(shape) / sizeof(float) + 16);
  args.scratch = scratch.data();
  kernel.run(shape, args);
}

// {N, IC, IH, IW, OC, KH, KW, SH, SW, PH, PW, groups}
const Conv2dShape kConvolutions[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1},    {37, 3, 9, 11, 20, 3, 3, 1, 1, 1, 1, 1},
    {17, 24, 8, 8, 40, 3, 3, 2, 2, 1, 1, 1}, {5, 24, 7, 5, 33, 1, 1, 1, 1, 0, 0, 1},
    {16, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1}, {16, 6, 12, 12, 8, 7, 7, 2, 2, 3, 3, 1},
    {16, 12, 6, 6, 18, 3, 3, 1, 1, 1, 1, 3}, {1, 2, 5, 6, 3, 5, 4, 1, 1, 4, 3, 1},
    {33, 8, 10, 10, 8, 3, 3, 1, 1, 1, 1, 8},
};

TEST_CASE("oneDNN's convolutions agree with ours in all three passes, with and without bias") {
  for (const Conv2dShape& s : kConvolutions) {
    std::ostringstream name;
    name << "N" << s.N << " IC" << s.IC << " OC" << s.OC << " H" << s.IH << " K" << s.KH << " S" << s.SH;
    INFO(name.str());
    const LaneShape src_lanes = image_lanes(s.N, s.IC, std::int64_t{s.IH} * s.IW);
    const LaneShape dst_lanes = image_lanes(s.N, s.OC, std::int64_t{s.OH()} * s.OW());
    const auto weights_size = static_cast<std::size_t>(s.OC) * (s.IC / s.groups) * s.KH * s.KW;
    const Floats src = lanes(src_lanes, 1), weights = Floats::random(weights_size, 2);
    const Floats bias = Floats::random(static_cast<std::size_t>(s.OC), 3);
    const Floats diff_dst = lanes(dst_lanes, 4, true);
    const double taps = static_cast<double>(s.KH) * s.KW / s.groups;
    for (bool with_bias : {true, false}) {
      const auto both = [&](Conv2dPass pass, Conv2dArgs args, Floats& ours, Floats& theirs, float* our_bias,
                            float* their_bias) {
        args.dst = args.diff_src = args.diff_weights = ours.data();
        args.diff_bias = our_bias;
        run(select_conv2d(s, pass), s, args);
        const Conv2dKernel* kernel = onednn::conv2d(s, pass);
        REQUIRE(kernel != nullptr);
        args.dst = args.diff_src = args.diff_weights = theirs.data();
        args.diff_bias = their_bias;
        run(*kernel, s, args);
      };
      {
        Floats ours(static_cast<std::size_t>(dst_lanes.floats())), theirs(ours.size());
        both(Conv2dPass::forward,
             {.src = src.data(), .weights = weights.data(), .bias = with_bias ? bias.data() : nullptr}, ours,
             theirs, nullptr, nullptr);
        CHECK(image_difference(dst_lanes, ours, theirs) <= sum_tolerance(taps * s.IC));
      }
      {
        Floats ours(static_cast<std::size_t>(src_lanes.floats())), theirs(ours.size());
        both(Conv2dPass::backward_data, {.weights = weights.data(), .diff_dst = diff_dst.data()}, ours,
             theirs, nullptr, nullptr);
        CHECK(max_difference(ours, theirs) <= sum_tolerance(taps * s.OC));
      }
      {
        Floats ours(weights_size), theirs(weights_size), our_bias(bias.size()), their_bias(bias.size());
        both(Conv2dPass::backward_weights, {.src = src.data(), .diff_dst = diff_dst.data()}, ours, theirs,
             with_bias ? our_bias.data() : nullptr, with_bias ? their_bias.data() : nullptr);
        const double tolerance = sum_tolerance(static_cast<double>(s.N) * s.OH() * s.OW());
        CHECK(max_difference(ours, theirs) <= tolerance);
        if (with_bias) CHECK(max_difference(our_bias, their_bias) <= tolerance);
      }
    }
  }
}

// Zeros come to zero where no bias is added.
TEST_CASE("oneDNN's convolutions that have no bias ask for none") {
  const Conv2dShape shape = {16, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1};
  const onednn::Threads threads;
  for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
    const onednn::Conv2dPlan plan(shape, pass, false);
    INFO(plan.implementation());
    const auto filled = [](const dnnl::memory::desc& desc, float value) {
      Floats floats(desc.get_size() / sizeof(float) + 1);
      std::fill_n(floats.data(), floats.size(), value);
      return floats;
    };
    const auto operand = [&](const dnnl::memory::desc& desc, Conv2dPass written_by) {
      return filled(desc, pass == written_by ? NAN : 0.0f);
    };
    Floats src = operand(plan.src(), Conv2dPass::backward_data),
           weights = operand(plan.weights(), Conv2dPass::backward_weights),
           dst = operand(plan.dst(), Conv2dPass::forward), scratchpad = filled(plan.scratchpad(), NAN);
    plan.execute(
        {.src = src.data(), .weights = weights.data(), .dst = dst.data(), .scratchpad = scratchpad.data()});
    const Floats& written = pass == Conv2dPass::forward         ? dst
                            : pass == Conv2dPass::backward_data ? src
                                                                : weights;
    CHECK(
        std::all_of(written.data(), written.data() + written.size() - 1, [](float x) { return x == 0.0f; }));
  }
}

TEST_CASE("oneDNN's gemm agrees with ours for every transpose, alpha and beta") {
  std::uint32_t seed = 1;
  for (int transposes = 0; transposes < 4; ++transposes) {
    for (float beta : {0.0f, 0.75f}) {
      GemmShape s{29, 31, 65, (transposes & 1) != 0, (transposes & 2) != 0, 0, 0, 0, -0.5f, beta};
      s.lda = (s.transpose_a ? s.M : s.K) + 3;
      s.ldb = (s.transpose_b ? s.K : s.N) + 2;
      s.ldc = s.N + 1;
      const Floats A = Floats::random(static_cast<std::size_t>((s.transpose_a ? s.K : s.M) * s.lda), ++seed);
      const Floats B = Floats::random(static_cast<std::size_t>((s.transpose_b ? s.N : s.K) * s.ldb), ++seed);
      Floats ours = Floats::random(static_cast<std::size_t>(s.M * s.ldc), ++seed);
      Floats theirs = Floats::random(ours.size(), seed);
      gemm_f32(s, A.data(), B.data(), ours.data());
      onednn::gemm_f32(s, A.data(), B.data(), theirs.data());
      CHECK(max_difference(ours, theirs) <= sum_tolerance(static_cast<double>(s.K)));
    }
  }
}

const LaneShape kImages[] = {image_lanes(1, 3, 9), image_lanes(16, 5, 16), image_lanes(37, 20, 7),
                             image_lanes(5, 1, 64)};

// A few rounding errors of values of order 1 (forward), of sums over the batch (statistics and gradients).
double batch_tolerance(const LaneShape& s) { return sum_tolerance(static_cast<double>(s.N * s.HW)); }

TEST_CASE("oneDNN's batch norm agrees with ours, with relu and residual, in training and inference") {
  for (const LaneShape& s : kImages) {
    const auto channels = static_cast<std::size_t>(s.C), size = static_cast<std::size_t>(s.floats());
    const Floats src = lanes(s, 1), residual = lanes(s, 2), gamma = Floats::random(channels, 3),
                 beta = Floats::random(channels, 4), diff_dst = lanes(s, 5, true);
    for (int variant = 0; variant < 16; ++variant) {
      const bool relu = (variant & 1) != 0, add = (variant & 2) != 0, training = (variant & 4) != 0;
      const bool affine = (variant & 8) != 0;
      INFO("N" << s.N << " C" << s.C << " HW" << s.HW << " relu " << relu << " residual " << add
               << " training " << training << " affine " << affine);
      struct Result {
        Floats dst, mean, variance, inv_std, diff_src, diff_residual, diff_gamma, diff_beta;
      };
      const auto compute = [&](const auto& fwd_training, const auto& fwd_inference, const auto& bwd) {
        Result r{Floats(size),     Floats::random(channels, 6),
                 Floats(channels), Floats(channels),
                 Floats(size),     Floats(size),
                 Floats(channels), Floats(channels)};
        for (std::size_t c = 0; c < channels; ++c) r.variance.data()[c] = 0.5f + 0.1f * static_cast<float>(c);
        BatchNormFwd<> f;
        f.src = src.data();
        f.gamma = affine ? gamma.data() : nullptr;
        f.beta = affine ? beta.data() : nullptr;
        f.residual = add ? residual.data() : nullptr;
        f.relu = relu;
        f.dst = r.dst.data();
        f.mean = r.mean.data();
        f.variance = r.variance.data();
        f.inv_std = r.inv_std.data();
        if (training)
          fwd_training(s, f);
        else
          fwd_inference(s, f);
        BatchNormBwd<> b;
        b.src = f.src;
        b.gamma = f.gamma;
        b.beta = f.beta;
        b.mean = f.mean;
        b.inv_std = f.inv_std;
        b.batch_statistics = training;
        b.relu = relu;
        b.dst = add ? f.dst : nullptr;
        b.diff_dst = diff_dst.data();
        b.diff_src = r.diff_src.data();
        b.diff_residual = add ? r.diff_residual.data() : nullptr;
        b.diff_gamma = r.diff_gamma.data();
        b.diff_beta = r.diff_beta.data();
        bwd(s, b);
        return r;
      };
      const Result ours =
          compute(norm().batch_norm_fwd_training, norm().batch_norm_fwd_inference, norm().batch_norm_bwd);
      const Result theirs =
          compute(onednn::batch_norm_fwd_training, onednn::batch_norm_fwd_inference, onednn::batch_norm_bwd);
      const double tolerance = batch_tolerance(s);
      CHECK(image_difference(s, ours.dst, theirs.dst) <= tolerance);
      CHECK(max_difference(ours.mean, theirs.mean) <= tolerance);
      CHECK(max_difference(ours.variance, theirs.variance) <= tolerance);
      CHECK(max_difference(ours.inv_std, theirs.inv_std) <= tolerance);
      CHECK(image_difference(s, ours.diff_src, theirs.diff_src) <= tolerance);
      CHECK(max_difference(ours.diff_gamma, theirs.diff_gamma) <= tolerance);
      CHECK(max_difference(ours.diff_beta, theirs.diff_beta) <= tolerance);
      if (add) CHECK(image_difference(s, ours.diff_residual, theirs.diff_residual) <= tolerance);
    }
  }
}

}  // namespace
}  // namespace espalier::kernels

#endif
