// What attention in blocks gains: scaled_dot_product_attention beside the same from two products and a softmax,
// whose T x T scores go through memory. Forward, and forward with backward, as they come in training.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "framework/tensor/dtype.h"

namespace espalier::bench {

struct AttentionBenchOptions {
  std::int64_t batch = 128;  // of 64 tokens; of longer sequences as many tokens, but 16 images at least
  DType precision = DType::f32;
  std::int64_t longest = 1024;  // leaves out longer sequences
  int rounds = 7;
  double round_seconds = 0.05;
};

struct AttentionTime {
  std::int64_t batch = 0, tokens = 0, heads = 0, head_features = 0;
  double gflop = 0.0;  // both products, forward
  // Seconds a call.
  double forward = 0.0, training = 0.0;                  // in blocks
  double forward_unfused = 0.0, training_unfused = 0.0;  // with the scores in memory

  std::string name() const;  // "T64 H3 D64"
};

// A vision transformer's 64 tokens with and without a class token, and longer sequences.
void run_attention_bench(const AttentionBenchOptions& options,
                         const std::function<void(const AttentionTime&)>& report);

}  // namespace espalier::bench
