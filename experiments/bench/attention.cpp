#include "experiments/bench/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "experiments/bench/timing.h"
#include "framework/autograd/node.h"
#include "framework/ops/matmul.h"
#include "framework/ops/permute.h"
#include "framework/ops/reshape.h"
#include "framework/ops/scale.h"
#include "framework/ops/scaled_dot_product_attention.h"
#include "framework/ops/slice.h"
#include "framework/ops/softmax.h"
#include "framework/ops/sum.h"
#include "framework/ops/transpose.h"
#include "framework/tensor/lanes.h"
#include "framework/tune/trials.h"

namespace espalier::bench {
namespace {

struct Sequence {
  std::int64_t tokens, heads, head_features;
};
constexpr Sequence kSequences[] = {{64, 3, 64}, {65, 3, 64}, {64, 6, 32}, {256, 3, 64}, {1024, 3, 64}};
constexpr std::int64_t kTokensOfBatch = 64;  // of a longer sequence fewer are in a batch

// Part 0, 1, 2 of qkv [N, T, 3*NH*D] as [N, NH, T, D].
Tensor heads_of(const Tensor& qkv, int part, const Sequence& s) {
  const std::int64_t width = s.heads * s.head_features, batch = qkv.shape()[0];
  const Tensor rows = ops::slice(qkv, 2, part * width, (part + 1) * width);
  return ops::permute(ops::reshape(rows, {batch, s.tokens, s.heads, s.head_features}), {0, 2, 1, 3});
}

Tensor unfused(const Tensor& qkv, const Sequence& s) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.head_features));
  const Tensor q = heads_of(qkv, 0, s), k = heads_of(qkv, 1, s), v = heads_of(qkv, 2, s);
  const Tensor scores = ops::scale(ops::matmul(q, ops::transpose(k, 2, 3)), scale);
  const Tensor y = ops::permute(ops::matmul(ops::softmax(scores), v), {0, 2, 1, 3});
  return ops::reshape(y, {qkv.shape()[0], s.tokens, s.heads * s.head_features});
}

AttentionTime measure(const AttentionBenchOptions& options, const Sequence& s) {
  const std::int64_t batch = std::max<std::int64_t>(16, options.batch * kTokensOfBatch / s.tokens);
  const std::int64_t width = s.heads * s.head_features;
  const Shape shape = {batch, s.tokens, 3 * width};
  Tensor qkv = to_lanes(tune::noise(shape.numel()).view(shape), options.precision);
  const auto attention = [&] { return ops::scaled_dot_product_attention(qkv, s.heads); };
  const auto in_memory = [&] { return unfused(qkv, s); };
  const auto trains = [&](const auto& call) {
    return [&] {
      ops::sum(call()).backward();
      qkv.set_grad({});
    };
  };
  AttentionTime time{.batch = batch, .tokens = s.tokens, .heads = s.heads, .head_features = s.head_features};
  time.gflop = 4e-9 * static_cast<double>(batch * s.tokens * s.tokens * width);
  {
    const NoGrad off;
    const std::vector<double> seconds = race({attention, in_memory}, options.rounds, options.round_seconds);
    time.forward = seconds[0];
    time.forward_unfused = seconds[1];
  }
  qkv.set_requires_grad();
  const std::vector<double> seconds =
      race({trains(attention), trains(in_memory)}, options.rounds, options.round_seconds);
  time.training = seconds[0];
  time.training_unfused = seconds[1];
  return time;
}

}  // namespace

std::string AttentionTime::name() const { return fmt::format("T{} H{} D{}", tokens, heads, head_features); }

void run_attention_bench(const AttentionBenchOptions& options,
                         const std::function<void(const AttentionTime&)>& report) {
  for (const Sequence& sequence : kSequences) {
    if (sequence.tokens <= options.longest) report(measure(options, sequence));
  }
}

}  // namespace espalier::bench
