// Linear layers over activations in lanes. A token is a matrix [channels][16], so forward and backward data
// are one product: weights broadcast, a vector for each token.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/micro.h"
#include "kernels/gemm/pack.h"
#include "kernels/gemm/weight_gradient.h"

namespace espalier::kernels {
namespace {

constexpr int kBlockTokens =
    32;  // of a task: a block of them stays in the L2 cache for all panels of weights
constexpr int kBlockChannels = 256;  // summed in registers between two visits to the output
constexpr int kLinearTasks = 16;     // enough to keep a few threads busy

// out[token][m] = bias[m] + sum over k < K of weights[m * m_stride + k * k_stride] * in[token][k]
void multiply_tokens(std::int64_t tokens, int M, int K, const float* weights, std::int64_t m_stride,
                     std::int64_t k_stride, const float* bias, const float* in, float* out) {
  const Panels panels(M);
  const std::int64_t token_blocks = (tokens + kBlockTokens - 1) / kBlockTokens;
  const std::int64_t wanted = (kLinearTasks - 1) / token_blocks + 1;
  const int panel_blocks = wanted < panels.count ? static_cast<int>(wanted) : panels.count;
  parallel_for(token_blocks * panel_blocks, [&](std::int64_t task) {
    const std::int64_t first = task / panel_blocks * kBlockTokens;
    const int count = static_cast<int>(tokens - first < kBlockTokens ? tokens - first : kBlockTokens);
    const int part = static_cast<int>(task % panel_blocks);
    const int panel_end = panels.count * (part + 1) / panel_blocks;
    alignas(64) float packed[kMaxRows * kBlockChannels + 16];
    for (int k = 0; k < K; k += kBlockChannels) {
      for (int panel = panels.count * part / panel_blocks; panel < panel_end; ++panel) {
        const int height = panels.height(panel), m = panels.begin(panel);
        BlockArgs<> args;
        args.channels = K - k < kBlockChannels ? K - k : kBlockChannels;
        args.A = packed;
        args.a_step = height;
        args.b_step = kLanes;
        args.c_step = kLanes;
        args.start = bias == nullptr ? nullptr : bias + m;
        args.accumulate = k > 0;
        pack_strip(weights + m * m_stride + k * k_stride, m_stride, k_stride, height, args.channels, 1.0f,
                   packed, height);
        for (int token = 0; token < count;) {
          const int vectors = count - token < max_vectors(height) ? count - token : max_vectors(height);
          for (int n = 0; n < vectors; ++n, ++token) {
            args.b[n] = in + ((first + token) * K + k) * kLanes;
            args.c[n] = out + ((first + token) * M + m) * kLanes;
          }
          block_kernel(height, vectors)(args);
        }
      }
    }
  });
}

inline void linear_fwd(const LinearShape& s, const float* src, const float* weights, const float* bias,
                       float* dst) {
  multiply_tokens(groups(s.N) * s.T, s.OC, s.IC, weights, s.IC, 1, bias, src, dst);
}

inline void linear_bwd_data(const LinearShape& s, const float* diff_dst, const float* weights,
                            float* diff_src) {
  multiply_tokens(groups(s.N) * s.T, s.IC, s.OC, weights, 1, s.IC, nullptr, diff_dst, diff_src);
}

// sums[n] += the sum of `rows` rows of kGradientVectors vectors, taken in 8 chains.
template <class Product>
void add_rows(const typename Product::Scalar* from, int rows, Vec (&sums)[kGradientVectors]) {
  constexpr int kChains = 8 / kGradientVectors;
  Vec chains[kChains][kGradientVectors] = {};
  for (int row = 0; row < rows; row += kChains) {
    ESPALIER_UNROLL for (int i = 0; i < kChains; ++i) {
      ESPALIER_UNROLL for (int n = 0; n < kGradientVectors; ++n, from += 16) chains[i][n] +=
          Product::total(Product::load_vector(from));
    }
  }
  ESPALIER_UNROLL for (int i = 0; i < kChains; ++i) {
    ESPALIER_UNROLL for (int n = 0; n < kGradientVectors; ++n) sums[n] += chains[i][n];
  }
}

template <class Product>
void linear_bwd_weights(const LinearShape& s, const typename Product::Element* src,
                        const typename Product::Element* diff_dst, float* diff_weights, float* diff_bias) {
  constexpr int kVectors = kGradientVectors, kWidth = kVectors * 16;
  const std::int64_t tokens = groups(s.N) * s.T;
  const int oc_blocks = (s.OC + kWidth - 1) / kWidth,
            ic_blocks = (s.IC + kBlockChannels - 1) / kBlockChannels;
  parallel_for(std::int64_t{oc_blocks} * ic_blocks, [&](std::int64_t task) {
    const int oc = static_cast<int>(task / ic_blocks) * kWidth,
              ic = static_cast<int>(task % ic_blocks) * kBlockChannels;
    const int outputs = s.OC - oc < kWidth ? s.OC - oc : kWidth;
    const bool sums_bias = diff_bias != nullptr && ic == 0;
    Vec bias_sums[kVectors] = {};                          // [oc]
    alignas(64) float sums[kBlockChannels * kWidth] = {};  // [ic][oc]
    // [token][kLaneSteps][oc]
    alignas(64) typename Product::Scalar transposed[kGradientPositions * Product::kLaneSteps * kWidth];
    WeightGradient p;
    p.IC = s.IC - ic < kBlockChannels ? s.IC - ic : kBlockChannels;
    p.OC = s.OC;
    p.images = 1;
    p.rows = 1;
    p.src = {0, kLanes, 0, std::int64_t{s.IC} * kLanes};
    p.dst = {0, kLanes, 0, std::int64_t{s.OC} * kLanes};
    for (std::int64_t t = 0; t < tokens; t += kGradientPositions) {
      p.columns = static_cast<int>(tokens - t < kGradientPositions ? tokens - t : kGradientPositions);
      const GradientTap whole = {0, 1, 0, p.columns, 0};
      p.tap_list = &whole;
      transpose_gradient<Product>(p, kVectors, outputs, diff_dst + (t * s.OC + oc) * kLanes, 1, 1,
                                  transposed);
      if (sums_bias) add_rows<Product>(transposed, p.columns * Product::kLaneSteps, bias_sums);
      sum_block<Product>(p, kVectors, src + (t * s.IC + ic) * kLanes, 1, 0, 1, transposed, sums);
    }
    write_gradient(sums, p.IC, kVectors, outputs, diff_weights + std::int64_t{oc} * s.IC + ic, s.IC);
    for (int n = 0; sums_bias && n * 16 < outputs; ++n) {
      store_first(diff_bias + oc + n * 16, bias_sums[n], outputs - n * 16 < 16 ? outputs - n * 16 : 16);
    }
  });
}

}  // namespace
}  // namespace espalier::kernels
