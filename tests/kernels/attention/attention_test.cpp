#include "kernels/attention/attention.h"

#include <doctest/doctest.h>

#include <cmath>

#include "kernels/attention/reference.h"
#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

// One attention over a fused tensor [N][T][3][NH][D], with the results of the reference in the same layout.
template <class T>
struct Case {
  AttentionShape shape;
  LaneShape fused, single, rows;  // of qkv, of dst, of log_sum_exp [N][NH][T]
  Doubles qkv, diff_dst;
  Buffer<T> qkv_lanes, diff_dst_lanes;
  Doubles dst, log_sum_exp, diff_qkv;

  // `spread` of q and k sets how peaked the probabilities are.
  explicit Case(const AttentionShape& s, double spread = 1.0)
      : shape(s),
        fused(token_lanes(s.N, s.T, 3 * s.NH * s.D)),
        single(token_lanes(s.N, s.T, s.NH * s.D)),
        rows(token_lanes(s.N, s.NH, s.T)),
        qkv(random_values<T>(logical_size(fused), 1, 0.0, spread)),
        diff_dst(random_values<T>(logical_size(single), 2)),
        qkv_lanes(in_lanes<T>(fused, qkv, 0.5f)),
        diff_dst_lanes(in_lanes<T>(single, diff_dst, 0.0f)),
        dst(logical_size(single)),
        log_sum_exp(logical_size(rows)),
        diff_qkv(logical_size(fused)) {
    const auto tokens = static_cast<std::size_t>(s.T), D = static_cast<std::size_t>(s.D);
    const auto NH = static_cast<std::size_t>(s.NH);
    for (std::size_t n = 0; n < static_cast<std::size_t>(s.N); ++n) {
      for (std::size_t h = 0; h < NH; ++h) {
        // Where feature 0 of token t stands in [N][tokens][parts][NH][D].
        const auto at = [&](std::size_t t, std::size_t part, std::size_t parts) {
          return (((n * tokens + t) * parts + part) * NH + h) * D;
        };
        const auto gather = [&](const Doubles& from, std::size_t part, std::size_t parts) {
          Doubles head(tokens * D);
          for (std::size_t t = 0; t < tokens; ++t)
            for (std::size_t d = 0; d < D; ++d) head[t * D + d] = from[at(t, part, parts) + d];
          return head;
        };
        const auto scatter = [&](const Doubles& head, Doubles& to, std::size_t part, std::size_t parts) {
          for (std::size_t t = 0; t < tokens; ++t)
            for (std::size_t d = 0; d < D; ++d) to[at(t, part, parts) + d] = head[t * D + d];
        };
        const double scale = s.scale;
        const Doubles q = gather(qkv, 0, 3), k = gather(qkv, 1, 3), v = gather(qkv, 2, 3);
        const reference::Attention a = reference::attention_fwd(q, k, v, tokens, D, scale, s.causal);
        scatter(a.dst, dst, 0, 1);
        for (std::size_t t = 0; t < tokens; ++t) log_sum_exp[(n * NH + h) * tokens + t] = a.log_sum_exp[t];
        const reference::AttentionGradients g =
            reference::attention_bwd(q, k, v, a.probabilities, gather(diff_dst, 0, 1), tokens, D, scale);
        scatter(g.q, diff_qkv, 0, 3);
        scatter(g.k, diff_qkv, 1, 3);
        scatter(g.v, diff_qkv, 2, 3);
      }
    }
  }

  std::size_t fused_floats() const { return static_cast<std::size_t>(fused.floats()); }
  std::size_t single_floats() const { return static_cast<std::size_t>(single.floats()); }
  std::size_t rows_floats() const { return static_cast<std::size_t>(rows.floats()); }

  HeadRows<const T> part(int index) const { return head_rows(shape, qkv_lanes.data(), index, 3); }
  void forward(const AttentionKernels<T>& kernels, Buffer<T>& to, Floats& lse) const {
    Floats scratch(static_cast<std::size_t>(attention_fwd_scratch_floats<T>(shape)));
    kernels.forward(shape, {.q = part(0),
                            .k = part(1),
                            .v = part(2),
                            .dst = head_rows(shape, to.data(), 0, 1),
                            .log_sum_exp = lse.data(),
                            .scratch = scratch.data()});
  }
  void backward(const AttentionKernels<T>& kernels, const Buffer<T>& from, const Floats& lse,
                Buffer<T>& to) const {
    Floats scratch(static_cast<std::size_t>(attention_bwd_scratch_floats<T>(shape)));
    kernels.backward(shape, {.q = part(0),
                             .k = part(1),
                             .v = part(2),
                             .dst = head_rows(shape, from.data(), 0, 1),
                             .diff_dst = head_rows(shape, diff_dst_lanes.data(), 0, 1),
                             .log_sum_exp = lse.data(),
                             .diff_q = head_rows(shape, to.data(), 0, 3),
                             .diff_k = head_rows(shape, to.data(), 1, 3),
                             .diff_v = head_rows(shape, to.data(), 2, 3),
                             .scratch = scratch.data()});
  }
};

AttentionShape shape_of(std::int64_t n, int tokens, int heads, int features, bool causal) {
  return {n, tokens, heads, features, 1.0f / std::sqrt(static_cast<float>(features)), causal};
}

// Tokens below, at and beyond a register block, a block of keys (36) and a block of queries (48); features
// with and without a tail of a register block.
template <class T, class Check>
void for_each_case(const Check& check) {
  struct Size {
    std::int64_t n;
    int tokens, heads, features;
  };
  const Size sizes[] = {{1, 1, 1, 1},    {5, 2, 3, 4},   {16, 7, 2, 8},  {17, 5, 3, 3},
                        {1, 36, 1, 16},  {2, 37, 2, 7},  {37, 9, 1, 5},  {1, 48, 2, 32},
                        {16, 65, 1, 64}, {3, 73, 2, 10}, {1, 130, 1, 12}};
  for (const Size& size : sizes) {
    if (kEmulated && size.tokens > 73) continue;
    for (bool causal : {false, true}) {
      CAPTURE(size.n);
      CAPTURE(size.tokens);
      CAPTURE(size.heads);
      CAPTURE(size.features);
      CAPTURE(causal);
      check(Case<T>(shape_of(size.n, size.tokens, size.heads, size.features, causal)));
    }
  }
}

// Probabilities carry the rounding of scores, sums of up to 64 products around 1, and of e^x: some 10
// epsilons. dst is a mean of values up to 1 with these weights, a gradient a sum of up to 130 such terms
// below 1.
constexpr double kForwardTolerance = 32 * kEpsilon, kBackwardTolerance = 128 * kEpsilon;

}  // namespace

TEST_CASE_TEMPLATE("attention agrees with the reference forward and backward", T, float, Bf16) {
  for_each_case<T>([](const Case<T>& c) {
    for_each_isa<AttentionKernels<T>>([&](const AttentionKernels<T>& kernels) {
      Buffer<T> dst(c.single_floats()), diff_qkv(c.fused_floats());
      Floats log_sum_exp(c.rows_floats());
      c.forward(kernels, dst, log_sum_exp);
      CHECK(worst_error(c.single, dst, c.dst) <= kForwardTolerance);
      CHECK(worst_error(c.rows, log_sum_exp, c.log_sum_exp) <= kForwardTolerance);
      c.backward(kernels, dst, log_sum_exp, diff_qkv);
      // Backward takes sum dS from dst, as rounded to T.
      CHECK(worst_error(c.fused, diff_qkv, c.diff_qkv) <= kBackwardTolerance + kRounding<T>);
      CHECK(padding_lanes_are_zero(c.fused, diff_qkv));
    });
  });
}

// Scores up to some hundreds: e^score overflows, and nearly all probabilities but one are zero. The largest
// score of a row comes in any block, so the sums are rescaled by factors down to zero.
TEST_CASE_TEMPLATE("attention is exact for scores that no exponential can hold", T, float, Bf16) {
  const Case<T> c(shape_of(16, 100, 1, 16, false), 20.0);
  for_each_isa<AttentionKernels<T>>([&](const AttentionKernels<T>& kernels) {
    Buffer<T> dst(c.single_floats());
    Floats log_sum_exp(c.rows_floats());
    c.forward(kernels, dst, log_sum_exp);
    // A score of 400 is rounded by 400 * eps / 2, which is its probability's relative error; v goes up to 20.
    CHECK(worst_error(c.single, dst, c.dst) <= 20.0 * 2000.0 * kEpsilon);
    CHECK(worst_error(c.rows, log_sum_exp, c.log_sum_exp) <= 2000.0 * kEpsilon);
  });
}

TEST_CASE_TEMPLATE("attention takes q, k and v from tensors of their own", T, float, Bf16) {
  const Case<T> c(shape_of(5, 9, 2, 6, false));
  const std::int64_t features = c.shape.NH * c.shape.D;
  const Buffer<T>* lanes = &c.qkv_lanes;
  std::vector<Buffer<T>> parts;
  for (std::int64_t part = 0; part < 3; ++part) {
    parts.emplace_back(c.single_floats());
    for (std::int64_t t = 0; t < groups(c.shape.N) * c.shape.T; ++t)
      for (std::int64_t i = 0; i < features * kLanes; ++i)
        parts.back().data()[t * features * kLanes + i] =
            lanes->data()[(t * 3 + part) * features * kLanes + i];
  }
  for_each_isa<AttentionKernels<T>>([&](const AttentionKernels<T>& kernels) {
    Buffer<T> expected(c.single_floats()), dst(c.single_floats());
    Floats log_sum_exp(c.rows_floats()),
        scratch(static_cast<std::size_t>(attention_fwd_scratch_floats<T>(c.shape)));
    c.forward(kernels, expected, log_sum_exp);
    const auto rows = [&](std::size_t part) { return head_rows<const T>(c.shape, parts[part].data(), 0, 1); };
    kernels.forward(c.shape, {.q = rows(0),
                              .k = rows(1),
                              .v = rows(2),
                              .dst = head_rows(c.shape, dst.data(), 0, 1),
                              .log_sum_exp = log_sum_exp.data(),
                              .scratch = scratch.data()});
    CHECK(dst.same_bits(expected));
  });
}

TEST_CASE_TEMPLATE("attention gives the same bits for any number of threads", T, float, Bf16) {
  const Case<T> c(shape_of(37, 53, 3, 8, true));
  for_each_isa<AttentionKernels<T>>([&](const AttentionKernels<T>& kernels) {
    CHECK(same_for_any_threads<T>(c.single_floats(), [&](Buffer<T>& dst) {
      Floats log_sum_exp(c.rows_floats());
      c.forward(kernels, dst, log_sum_exp);
    }));
    Buffer<T> dst(c.single_floats());
    Floats log_sum_exp(c.rows_floats());
    c.forward(kernels, dst, log_sum_exp);
    CHECK(same_for_any_threads<T>(
        c.fused_floats(), [&](Buffer<T>& diff_qkv) { c.backward(kernels, dst, log_sum_exp, diff_qkv); }));
  });
}

TEST_CASE_TEMPLATE("attention lets a NaN through and keeps it in its image and head", T, float, Bf16) {
  Case<T> c(shape_of(2, 40, 2, 4, false));
  c.qkv_lanes.data()[c.fused.at(1, 39, 2 * 4 + 0, 0)] =
      element_from<T>(NAN);  // k of head 0, last token, image 1
  for_each_isa<AttentionKernels<T>>([&](const AttentionKernels<T>& kernels) {
    Buffer<T> dst(c.single_floats());
    Floats log_sum_exp(c.rows_floats());
    c.forward(kernels, dst, log_sum_exp);
    for_each_element(c.single, [&](std::size_t i, std::size_t at) {
      const bool poisoned = i / (40 * 8) == 1 && i % 8 < 4;
      REQUIRE(std::isnan(widen(dst.data()[at])) == poisoned);
    });
  });
}

}  // namespace espalier::kernels
