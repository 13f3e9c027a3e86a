#include "framework/ops/scaled_dot_product_attention.h"

#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/tensor/element.h"
#include "kernels/attention/attention.h"

namespace espalier::ops {
namespace {

kernels::AttentionShape checked_shape(const Tensor& qkv, std::int64_t heads,
                                      const AttentionOptions& options) {
  constexpr const char* op = "scaled_dot_product_attention";
  check_activation(qkv, 3, op, "qkv", "[N, T, 3*NH*D]");
  check(heads > 0 && qkv.dim(2) % (3 * heads) == 0, op,
        "qkv expects 3 * heads * D features, got {} for {} heads", qkv.dim(2), heads);
  const std::int64_t features = qkv.dim(2) / (3 * heads);
  const float scale = options.scale != 0.0f ? options.scale : 1.0f / std::sqrt(static_cast<float>(features));
  return {.N = qkv.dim(0),
          .T = static_cast<int>(qkv.dim(1)),
          .NH = static_cast<int>(heads),
          .D = static_cast<int>(features),
          .scale = scale,
          .causal = options.causal};
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& qkv, std::int64_t heads, const AttentionOptions& options) {
  const kernels::AttentionShape s = checked_shape(qkv, heads, options);
  Tensor y = Tensor::empty(qkv.shape().with(2, s.NH * s.D), Layout::lanes, qkv.dtype());
  Tensor log_sum_exp = Tensor::empty({s.N, s.NH, s.T}, Layout::lanes);
  with_element(qkv.dtype(), [&](auto element) {
    using T = decltype(element);
    Tensor scratch = Tensor::empty({kernels::attention_fwd_scratch_floats<T>(s)});
    kernels::attention<T>().forward(s, {.q = head_rows(s, qkv.data<T>(), 0, 3),
                                        .k = head_rows(s, qkv.data<T>(), 1, 3),
                                        .v = head_rows(s, qkv.data<T>(), 2, 3),
                                        .dst = head_rows(s, y.data<T>(), 0, 1),
                                        .log_sum_exp = log_sum_exp.data(),
                                        .scratch = scratch.data()});
  });
  // The probabilities follow from q, k and one number a row; the output stands for their mean gradient.
  return record("scaled_dot_product_attention", {qkv}, y,
                [s, qkv = qkv.detach(), y = y.detach(), log_sum_exp](Backward& b) {
                  Tensor dqkv = Tensor::empty_like(qkv);
                  with_element(qkv.dtype(), [&](auto element) {
                    using T = decltype(element);
                    Tensor scratch = Tensor::empty({kernels::attention_bwd_scratch_floats<T>(s)});
                    kernels::attention<T>().backward(s, {.q = head_rows(s, qkv.data<T>(), 0, 3),
                                                         .k = head_rows(s, qkv.data<T>(), 1, 3),
                                                         .v = head_rows(s, qkv.data<T>(), 2, 3),
                                                         .dst = head_rows(s, y.data<T>(), 0, 1),
                                                         .diff_dst = head_rows(s, b.grad().data<T>(), 0, 1),
                                                         .log_sum_exp = log_sum_exp.data(),
                                                         .diff_q = head_rows(s, dqkv.data<T>(), 0, 3),
                                                         .diff_k = head_rows(s, dqkv.data<T>(), 1, 3),
                                                         .diff_v = head_rows(s, dqkv.data<T>(), 2, 3),
                                                         .scratch = scratch.data()});
                  });
                  b.give(0, std::move(dqkv));
                },
                {{"heads", heads}});
}

}  // namespace espalier::ops
