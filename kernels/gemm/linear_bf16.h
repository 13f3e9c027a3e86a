// Linear layers over activations of bf16: the products of linear.h, two channels or two images at a time.
#pragma once

#include "kernels/base/scratch.h"
#include "kernels/gemm/linear.h"
#include "kernels/gemm/pack_pairs.h"

namespace espalier::kernels {
namespace {

// Weights as [panels][K / 2][height] pairs. All are packed before the products: a sum stays in registers over
// the whole of K, for a visit to the output would round it.
struct PairPanels {
  Panels panels;
  int K;
  std::int64_t size;  // pairs of a panel, and room for a vector

  PairPanels(int M, int k)
      : panels(M, kProductRows<Bf16Product>),
        K(k),
        size(std::int64_t{(K + 1) / 2} * panels.height(panels.count - 1) + kLanes) {}

  // weights[m * m_stride + k * k_stride]
  void pack(const float* weights, std::int64_t m_stride, std::int64_t k_stride, Pair* packed) const {
    parallel_for(panels.count, [&](std::int64_t panel) {
      constexpr int kChannels = 64;
      const int height = panels.height(static_cast<int>(panel));
      const float* from = weights + panels.begin(static_cast<int>(panel)) * m_stride;
      Pair* to = packed + panel * size;
      alignas(64) float wide[kChannels * kMaxRows + kLanes];
      for (int k = 0; k < K; k += kChannels) {
        const int count = K - k < kChannels ? K - k : kChannels;
        pack_strip(from + k * k_stride, m_stride, k_stride, height, count, 1.0f, wide, height);
        pair_channels(wide, count, height, to);
        to += std::int64_t{count / 2} * height;
      }
    });
  }
};

// The channels of a token are neighbours: where each has a partner, both are one load.
struct NeighbourProduct : Bf16Product {
  static ESPALIER_INLINE Pairs load_channels(const Bf16* p, std::int64_t) { return zip_neighbours(p); }
};

// out[token][m] = bias[m] + sum over k < K of weights[m][k] * in[token][k]
template <class Product>
void multiply_tokens(std::int64_t tokens, const PairPanels& weights, const Pair* packed, const float* bias,
                     const Bf16* in, Bf16* out) {
  const Panels& panels = weights.panels;
  const std::int64_t token_blocks = (tokens + kBlockTokens - 1) / kBlockTokens;
  const std::int64_t wanted = (kLinearTasks - 1) / token_blocks + 1;
  const int parts = wanted < panels.count ? static_cast<int>(wanted) : panels.count;
  parallel_for(token_blocks * parts, [&](std::int64_t task) {
    const std::int64_t first = task / parts * kBlockTokens;
    const int count = static_cast<int>(tokens - first < kBlockTokens ? tokens - first : kBlockTokens);
    const int part = static_cast<int>(task % parts);
    for (int panel = panels.count * part / parts; panel < panels.count * (part + 1) / parts; ++panel) {
      const int height = panels.height(panel), m = panels.begin(panel);
      BlockArgs<Product> args;
      args.channels = weights.K;
      args.A = packed + panel * weights.size;
      args.a_step = height;
      args.b_step = kLanes;
      args.c_step = kLanes;
      args.start = bias == nullptr ? nullptr : bias + m;
      for (int token = 0; token < count;) {
        const int vectors = count - token < max_vectors(height) ? count - token : max_vectors(height);
        for (int n = 0; n < vectors; ++n, ++token) {
          args.b[n] = in + (first + token) * weights.K * kLanes;
          args.c[n] = out + ((first + token) * panels.M + m) * kLanes;
        }
        block_kernel<Product>(height, vectors)(args);
      }
    }
  });
}

// Packs the weights and multiplies; weights[m * m_stride + k * k_stride].
void pack_and_multiply(std::int64_t tokens, int M, int K, const float* weights, std::int64_t m_stride,
                       std::int64_t k_stride, const float* bias, const Bf16* in, Bf16* out, void* scratch) {
  const PairPanels panels(M, K);
  auto* packed = static_cast<Pair*>(scratch);
  panels.pack(weights, m_stride, k_stride, packed);
  const auto multiply = K % 2 == 0 ? multiply_tokens<NeighbourProduct> : multiply_tokens<Bf16Product>;
  multiply(tokens, panels, packed, bias, in, out);
}

std::size_t linear_bf16_scratch_bytes(const LinearShape& s) {
  const PairPanels forward(s.OC, s.IC), backward(s.IC, s.OC);
  const std::int64_t most = forward.size * forward.panels.count,
                     other = backward.size * backward.panels.count;
  return static_cast<std::size_t>(most > other ? most : other) * sizeof(Pair);
}

void linear_bf16_fwd(const LinearShape& s, const Bf16* src, const float* weights, const float* bias,
                     Bf16* dst, void* scratch) {
  pack_and_multiply(groups(s.N) * s.T, s.OC, s.IC, weights, s.IC, 1, bias, src, dst, scratch);
}

void linear_bf16_bwd_data(const LinearShape& s, const Bf16* diff_dst, const float* weights, Bf16* diff_src,
                          void* scratch) {
  pack_and_multiply(groups(s.N) * s.T, s.IC, s.OC, weights, 1, s.IC, nullptr, diff_dst, diff_src, scratch);
}

void linear_bf16_bwd_weights(const LinearShape& s, const Bf16* src, const Bf16* diff_dst, float* diff_weights,
                             float* diff_bias, void*) {
  linear_bwd_weights<Bf16Product>(s, src, diff_dst, diff_weights, diff_bias);
}

constexpr LinearBf16Kernels linear_bf16_kernels(Isa isa) {
  return {.isa = isa,
          .scratch_bytes = linear_bf16_scratch_bytes,
          .fwd = linear_bf16_fwd,
          .bwd_data = linear_bf16_bwd_data,
          .bwd_weights = linear_bf16_bwd_weights};
}

}  // namespace
}  // namespace espalier::kernels
