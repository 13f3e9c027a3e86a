#include "kernels/gemm/gemm.h"

#include <doctest/doctest.h>

#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/base/lanes.h"
#include "kernels/gemm/reference.h"
#include "tests/kernels/activation.h"
#include "tests/kernels/tiles/emulated.h"

namespace espalier::kernels {
namespace {

void for_each_kernel(const std::function<void(const GemmKernels&)>& body) {
  for (const GemmKernels* kernels : compiled_kernels<GemmKernels>()) {
    if (!isa_supported(kernels->isa)) continue;
    INFO("isa " << std::string(isa_name(kernels->isa)));
    body(*kernels);
  }
}

// Zeroes the padding lanes of the last group, as gradients have them.
void zero_padding_lanes(Floats& floats, std::int64_t N) {
  const std::size_t group_size = floats.size() / static_cast<std::size_t>(groups(N));
  for (std::size_t i = floats.size() - group_size; i < floats.size(); ++i) {
    if (static_cast<int>(i % kLanes) >= lanes_in_group(N, groups(N) - 1)) floats.data()[i] = 0.0f;
  }
}

void check_gemm(const GemmShape& shape, std::uint32_t seed) {
  const Floats A =
      Floats::random(static_cast<std::size_t>((shape.transpose_a ? shape.K : shape.M) * shape.lda), seed);
  const Floats B =
      Floats::random(static_cast<std::size_t>((shape.transpose_b ? shape.N : shape.K) * shape.ldb), seed + 1);
  const std::size_t c_size = static_cast<std::size_t>(shape.M * shape.ldc);
  // With beta == 0 C must not be read: it stays NaN. The columns between N and ldc must not be written.
  const auto initial_c = [&] {
    Floats C = Floats::random(c_size, seed + 2);
    for (std::size_t i = 0; i < c_size; ++i) {
      const bool inside = static_cast<std::int64_t>(i) % shape.ldc < shape.N;
      if (inside && shape.beta == 0.0f) C.data()[i] = NAN;
    }
    return C;
  };
  Floats expected = initial_c();
  reference::gemm(shape, A.data(), B.data(), expected.data());
  for_each_kernel([&](const GemmKernels& kernels) {
    std::ostringstream name;
    name << "M" << shape.M << " N" << shape.N << " K" << shape.K << (shape.transpose_a ? " A'" : "")
         << (shape.transpose_b ? " B'" : "") << " alpha " << shape.alpha << " beta " << shape.beta;
    INFO(name.str());
    Floats C = initial_c();
    kernels.gemm(shape, A.data(), B.data(), C.data());
    CHECK(max_difference(C, expected) <= sum_tolerance(static_cast<double>(shape.K)));
  });
}

TEST_CASE("gemm agrees with the reference for every transpose, leading dimension, alpha and beta") {
  const std::int64_t sizes[][3] = {{1, 1, 1},    {1, 40, 7},   {5, 16, 3},     {14, 32, 8}, {15, 33, 9},
                                   {29, 31, 65}, {64, 10, 20}, {100, 47, 300}, {3, 200, 1}, {33, 70, 520}};
  std::uint32_t seed = 1;
  for (const auto& size : sizes) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      GemmShape shape{size[0], size[1], size[2], (transposes & 1) != 0, (transposes & 2) != 0, 0, 0,
                      0,       1.0f,    0.0f};
      for (int extra : {0, 3}) {
        shape.lda = (shape.transpose_a ? shape.M : shape.K) + extra;
        shape.ldb = (shape.transpose_b ? shape.K : shape.N) + extra;
        shape.ldc = shape.N + extra;
        shape.alpha = extra == 0 ? 1.0f : -0.5f;
        shape.beta = extra == 0 ? 0.0f : 0.75f;
        check_gemm(shape, seed += 5);
      }
    }
  }
}

TEST_CASE("a symmetric product is the whole product, equal to its transpose in every bit") {
  std::uint32_t seed = 400;
  for (const std::int64_t side : {1, 5, 16, 33, 100, 224, 259, 530}) {
    for (const bool transposed : {false, true}) {
      const std::int64_t K = side % 2 == 0 ? 17 : 300;
      GemmShape shape{.M = side, .N = side, .K = K, .transpose_a = transposed, .transpose_b = !transposed};
      shape.lda = shape.ldb = (transposed ? side : K) + 2;
      shape.ldc = side + 1;
      shape.symmetric = true;
      const Floats A = Floats::random(static_cast<std::size_t>((transposed ? K : side) * shape.lda), ++seed);
      const auto size = static_cast<std::size_t>(side * shape.ldc);
      const auto initial_c = [&] {
        Floats C = Floats::random(size, seed);
        for (std::size_t i = 0; i < size; ++i) {
          if (static_cast<std::int64_t>(i) % shape.ldc < side) C.data()[i] = NAN;
        }
        return C;
      };
      Floats expected = initial_c();
      reference::gemm(shape, A.data(), A.data(), expected.data());
      for_each_kernel([&](const GemmKernels& kernels) {
        INFO("side " << side << " transposed " << transposed);
        Floats C = initial_c();
        kernels.gemm(shape, A.data(), A.data(), C.data());
        // The diagonal sums squares, which do not cancel.
        CHECK(max_difference(C, expected) <= 4 * sum_tolerance(static_cast<double>(K)));
        bool equal = true;
        for (std::int64_t i = 0; i < side; ++i) {
          for (std::int64_t j = 0; j < i; ++j)
            equal = equal && C.data()[i * shape.ldc + j] == C.data()[j * shape.ldc + i];
        }
        CHECK(equal);
      });
    }
  }
}

#if defined(__SSE__) || defined(__aarch64__)
TEST_CASE("denormals are zeros to gemm, and to nobody after it") {
  const GemmShape shape = {.M = 20, .N = 30, .K = 40, .lda = 40, .ldb = 30, .ldc = 30};
  const volatile float tiny = 1e-39f;
  Floats A(20 * 40), B(40 * 30);
  for (std::size_t i = 0; i < A.size(); ++i) A.data()[i] = tiny;
  for (std::size_t i = 0; i < B.size(); ++i) B.data()[i] = 1e10f;
  for_each_kernel([&](const GemmKernels& kernels) {
    Floats C(20 * 30);
    kernels.gemm(shape, A.data(), B.data(), C.data());
    for (std::size_t i = 0; i < C.size(); ++i) CHECK(C.data()[i] == 0.0f);
    CHECK(tiny * 0.5f > 0.0f);
  });
}
#endif

TEST_CASE("gemm with K = 0 scales C by beta") {
  const GemmShape shape{3, 20, 0, false, false, 1, 20, 20, 1.0f, 0.5f};
  for_each_kernel([&](const GemmKernels& kernels) {
    Floats C = Floats::random(60, 1);
    const Floats before = Floats::random(60, 1);
    kernels.gemm(shape, before.data(), before.data(), C.data());
    for (std::size_t i = 0; i < 60; ++i) CHECK(C.data()[i] == 0.5f * before.data()[i]);
  });
}

const LinearShape kLinearShapes[] = {{1, 1, 1, 1},    {16, 1, 64, 10},  {37, 1, 512, 10},  {5, 3, 20, 33},
                                     {17, 7, 48, 50}, {32, 5, 300, 70}, {16, 1, 600, 128}, {33, 2, 17, 16}};

TEST_CASE("the three passes of linear agree with the reference") {
  for (const LinearShape& s : kLinearShapes) {
    const std::size_t tokens = static_cast<std::size_t>(groups(s.N) * s.T);
    const std::size_t src_size = tokens * s.IC * kLanes, dst_size = tokens * s.OC * kLanes;
    const std::size_t weights_size = static_cast<std::size_t>(s.IC) * s.OC;
    const Floats src = Floats::random(src_size, 1), weights = Floats::random(weights_size, 2);
    const Floats bias = Floats::random(static_cast<std::size_t>(s.OC), 3);
    Floats diff_dst = Floats::random(dst_size, 4);
    zero_padding_lanes(diff_dst, s.N);
    for (bool with_bias : {true, false}) {
      const float* b = with_bias ? bias.data() : nullptr;
      Floats dst(dst_size), diff_src(src_size), diff_weights(weights_size), diff_bias(bias.size());
      reference::linear_fwd(s, src.data(), weights.data(), b, dst.data());
      reference::linear_bwd_data(s, diff_dst.data(), weights.data(), diff_src.data());
      reference::linear_bwd_weights(s, src.data(), diff_dst.data(), diff_weights.data(), diff_bias.data());
      for_each_kernel([&](const GemmKernels& kernels) {
        INFO("N" << s.N << " T" << s.T << " IC" << s.IC << " OC" << s.OC << (with_bias ? " bias" : ""));
        Floats out(dst_size);
        kernels.linear_fwd(s, src.data(), weights.data(), b, out.data());
        CHECK(max_difference(out, dst) <= sum_tolerance(s.IC));
        Floats out_src(src_size);
        kernels.linear_bwd_data(s, diff_dst.data(), weights.data(), out_src.data());
        CHECK(max_difference(out_src, diff_src) <= sum_tolerance(s.OC));
        Floats out_weights(weights_size), out_bias(bias.size());
        kernels.linear_bwd_weights(s, src.data(), diff_dst.data(), out_weights.data(),
                                   with_bias ? out_bias.data() : nullptr);
        CHECK(max_difference(out_weights, diff_weights) <=
              sum_tolerance(static_cast<double>(tokens) * kLanes));
        if (with_bias)
          CHECK(max_difference(out_bias, diff_bias) <= sum_tolerance(static_cast<double>(tokens) * kLanes));
      });
    }
  }
}

TEST_CASE("the three passes of linear over bf16 agree with the reference, whatever the number of threads") {
  for (const LinearShape& s : kLinearShapes) {
    const std::size_t tokens = static_cast<std::size_t>(groups(s.N) * s.T);
    const std::size_t src_size = tokens * s.IC * kLanes, dst_size = tokens * s.OC * kLanes;
    const std::size_t weights_size = static_cast<std::size_t>(s.IC) * s.OC;
    Floats gradient = Floats::random(dst_size, 4);
    zero_padding_lanes(gradient, s.N);
    const Activation src(Floats::random(src_size, 1), Element::bf16);
    const Activation diff_dst(std::move(gradient), Element::bf16);
    // Numbers that bf16 holds, for weights may be rounded to it.
    const Floats weights = Activation(Floats::random(weights_size, 2), Element::bf16).wide;
    const Floats bias = Floats::random(static_cast<std::size_t>(s.OC), 3);
    Floats dst(dst_size), diff_src(src_size), diff_weights(weights_size), diff_bias(bias.size());
    reference::linear_fwd(s, src.wide.data(), weights.data(), bias.data(), dst.data());
    reference::linear_bwd_data(s, diff_dst.wide.data(), weights.data(), diff_src.data());
    reference::linear_bwd_weights(s, src.wide.data(), diff_dst.wide.data(), diff_weights.data(),
                                  diff_bias.data());
    const auto halves = [](const Activation& a) { return static_cast<const Bf16*>(a.data()); };
    std::vector<const LinearBf16Kernels*> all = linear_bf16_kernels();
    if (!kEmulated) all.push_back(&linear_bf16_tiles_portable);
    for (const LinearBf16Kernels* kernels : all) {
      if (!isa_supported(kernels->isa)) continue;
      for (int threads : {1, 3}) {
        INFO(std::string(isa_name(kernels->isa))
             << " N" << s.N << " T" << s.T << " IC" << s.IC << " OC" << s.OC);
        Activation out(dst_size, Element::bf16), out_src(src_size, Element::bf16);
        Floats out_weights(weights_size), out_bias(bias.size());
        with_threads(threads, [&] {
          Floats scratch(kernels->scratch_bytes(s) / sizeof(float));
          kernels->fwd(s, halves(src), weights.data(), bias.data(), out.halves(), scratch.data());
          kernels->bwd_data(s, halves(diff_dst), weights.data(), out_src.halves(), scratch.data());
          kernels->bwd_weights(s, halves(src), halves(diff_dst), out_weights.data(), out_bias.data(),
                               scratch.data());
        });
        const double batch = static_cast<double>(tokens) * kLanes;
        CHECK(max_error(out, dst) <= sum_tolerance(s.IC));
        CHECK(max_error(out_src, diff_src) <= sum_tolerance(s.OC));
        CHECK(max_difference(out_weights, diff_weights) <= sum_tolerance(batch));
        CHECK(max_difference(out_bias, diff_bias) <= sum_tolerance(batch));
      }
    }
  }
}

TEST_CASE("lane_matmul agrees with the reference for every transpose, with gaps between matrices too") {
  const LaneMatmulShape shapes[] = {
      {1, 1, 1, 1, 1}, {16, 2, 7, 5, 9}, {17, 3, 16, 16, 8}, {5, 1, 33, 18, 20}, {20, 2, 65, 64, 64}};
  for (LaneMatmulShape s : shapes) {
    for (int variant = 0; variant < 8; ++variant) {
      s.transpose_a = (variant & 1) != 0;
      s.transpose_b = (variant & 2) != 0;
      s.alpha = variant == 0 ? 1.0f : 0.125f;
      const int gap = (variant & 4) != 0 ? 3 : 0;
      s.stride_a = gap == 0 ? 0 : s.M * s.K + gap;
      s.stride_b = gap == 0 ? 0 : s.K * s.J + gap;
      s.stride_c = gap == 0 ? 0 : s.M * s.J + gap;
      const std::int64_t matrices = groups(s.N) * s.B * kLanes;
      const auto size = [&](std::int64_t vectors) { return static_cast<std::size_t>(matrices * vectors); };
      const Floats A = Floats::random(size(s.a_vectors()), 1), B = Floats::random(size(s.b_vectors()), 2);
      // A kernel that writes into a gap changes it.
      Floats expected = Floats::random(size(s.c_vectors()), 3);
      reference::lane_matmul(s, A.data(), B.data(), expected.data());
      for_each_kernel([&](const GemmKernels& kernels) {
        INFO("N" << s.N << " B" << s.B << " M" << s.M << " J" << s.J << " K" << s.K << " variant "
                 << variant);
        Floats C = Floats::random(size(s.c_vectors()), 3);
        kernels.lane_matmul(s, A.data(), B.data(), C.data());
        CHECK(max_difference(C, expected) <= sum_tolerance(s.K));
      });
    }
  }
}

TEST_CASE("the bits of a product do not depend on the number of threads") {
  const GemmShape gemm{150, 90, 300, false, false, 300, 90, 90, 1.0f, 0.0f};
  const LinearShape linear{40, 9, 70, 90};
  const LaneMatmulShape matmul{33, 2, 20, 30, 40};
  const Floats a = Floats::random(1 << 17, 1), b = Floats::random(1 << 17, 2);
  for_each_kernel([&](const GemmKernels& kernels) {
    const auto everything = [&](int threads) {
      Floats out(1 << 18);
      with_threads(threads, [&] {
        float* C = out.data();
        float* dst = C + 150 * 90;
        float* diff_src = dst + 27 * 90 * 16;
        float* diff_weights = diff_src + 27 * 70 * 16;
        float* diff_bias = diff_weights + 70 * 90;
        kernels.gemm(gemm, a.data(), b.data(), C);
        kernels.linear_fwd(linear, a.data(), b.data(), nullptr, dst);
        kernels.linear_bwd_data(linear, a.data(), b.data(), diff_src);
        kernels.linear_bwd_weights(linear, a.data(), b.data(), diff_weights, diff_bias);
        kernels.lane_matmul(matmul, a.data(), b.data(), diff_bias + 90);
      });
      return out;
    };
    const Floats one = everything(1);
    for (int threads = 2; threads <= 4; ++threads) CHECK(everything(threads).same_bits(one));
  });
}

}  // namespace
}  // namespace espalier::kernels
