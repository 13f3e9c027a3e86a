#include "framework/ops/cross_entropy.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/to_dtype.h"
#include "framework/tensor/lanes.h"
#include "kernels/eltwise/eltwise.h"
#include "kernels/softmax/softmax.h"

namespace espalier::ops {
namespace {

void check_labels(const Tensor& logits, const Tensor& labels) {
  constexpr const char* op = "cross_entropy";
  const Shape expected = logits.shape().without(-1);
  const bool fits = labels.defined() && labels.dtype() == DType::i32 && labels.shape() == expected;
  check(fits && !labels.is_lanes(), op, "labels expects plain i32 {}, got {}", expected.str(),
        describe(labels));
  const std::int32_t* values = labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    check(values[i] >= 0 && values[i] < logits.dim(-1), op, "label {} expects a class of 0 .. {}, got {}", i,
          logits.dim(-1) - 1, values[i]);
  }
}

void check_logits(const Tensor& logits, const char* op) {
  const bool tokens = logits.defined() && logits.rank() == 3;
  check_activation(logits, tokens ? 3 : 2, op, "logits", "[N, K] or [N, T, K]");
}

// log sum e^logits of each row
Tensor empty_log_sum_exp(const Tensor& logits) {
  return Tensor::empty(logits.shape().without(-1), Layout::lanes);
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& labels, float label_smoothing) {
  check_logits(logits, "cross_entropy");
  if (logits.dtype() == DType::bf16) {
    return cross_entropy(to_dtype(logits, DType::f32), labels, label_smoothing);
  }
  check_labels(logits, labels);
  check(label_smoothing >= 0.0f && label_smoothing <= 1.0f, "cross_entropy",
        "label_smoothing expects 0 to 1, got {}", label_smoothing);
  const kernels::LaneShape shape = lane_shape(logits.shape());
  const auto target = [label_smoothing](const Tensor& of) {
    return kernels::CrossEntropyTarget{.labels = of.data<std::int32_t>(), .smoothing = label_smoothing};
  };
  Tensor log_sum_exp = empty_log_sum_exp(logits);
  const double loss =
      kernels::softmax().cross_entropy_fwd(shape, logits.data(), target(labels), log_sum_exp.data());
  // softmax(logits) = e^(logits - log_sum_exp): one number a row is saved instead of the probabilities.
  return record("cross_entropy", {logits}, Tensor::scalar(static_cast<float>(loss)),
                [=, logits = logits.detach()](Backward& b) {
                  Tensor dlogits = Tensor::empty_like(logits);
                  kernels::softmax().cross_entropy_bwd(shape, logits.data(), target(labels),
                                                       log_sum_exp.data(), b.grad().item(), dlogits.data());
                  b.give(0, std::move(dlogits));
                });
}

Tensor soft_cross_entropy(const Tensor& logits, const Tensor& targets) {
  constexpr const char* op = "soft_cross_entropy";
  check_logits(logits, op);
  check(is_activation(targets) && targets.shape() == logits.shape(), op, "targets expects lanes {}, got {}",
        logits.shape().str(), describe(targets));
  if (logits.dtype() == DType::bf16 || targets.dtype() == DType::bf16) {
    return soft_cross_entropy(to_dtype(logits, DType::f32), to_dtype(targets, DType::f32));
  }
  const kernels::LaneShape shape = lane_shape(logits.shape());
  Tensor log_sum_exp = empty_log_sum_exp(logits);
  const double loss = kernels::softmax().cross_entropy_fwd(
      shape, logits.data(), {.probabilities = targets.data()}, log_sum_exp.data());
  // As above; the targets are read again by the gradient of the logits.
  return record(op, {logits, targets}, Tensor::scalar(static_cast<float>(loss)),
                [=, logits = logits.detach(), targets = targets.detach()](Backward& b) {
                  const float dloss = b.grad().item();
                  if (b.needs(0)) {
                    Tensor dlogits = Tensor::empty_like(logits);
                    kernels::softmax().cross_entropy_bwd(shape, logits.data(),
                                                         {.probabilities = targets.data()},
                                                         log_sum_exp.data(), dloss, dlogits.data());
                    b.give(0, std::move(dlogits));
                  }
                  if (b.needs(1)) {
                    // The loss is linear in the targets: -log softmax(logits) / rows.
                    Tensor dtargets = Tensor::empty_like(logits);
                    const std::int64_t n = dtargets.storage_elements();
                    const auto rows = static_cast<float>(logits.numel() / logits.dim(-1));
                    kernels::softmax().log_softmax_fwd(shape, logits.data(), dtargets.data());
                    kernels::eltwise().affine(dtargets.data(), -dloss / rows, 0.0f, dtargets.data(), n);
                    clear_padding_lanes(dtargets);
                    b.give(1, std::move(dtargets));
                  }
                });
}

}  // namespace espalier::ops
