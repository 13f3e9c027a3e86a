#include "framework/ops/batch_norm.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/backend.h"
#include "kernels/eltwise/eltwise.h"
#include "kernels/norm/norm.h"

namespace espalier::ops {
namespace {

void check_inputs(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                  const Tensor& running_var, const BatchNormOptions& options, const Tensor& residual) {
  constexpr const char* op = "batch_norm";
  check_activation(x, 4, op, "x", "[N, C, H, W]");
  const Shape channels = {x.dim(1)};
  check_parameter(gamma, channels, op, "gamma");
  check_parameter(beta, channels, op, "beta");
  check_parameter(running_mean, channels, op, "running_mean");
  check_parameter(running_var, channels, op, "running_var");
  if (residual.defined()) {
    check(residual.is_lanes() && residual.shape() == x.shape() && residual.dtype() == x.dtype(), op,
          "residual expects {}, got {}", describe(x), describe(residual));
  }
  check(!options.training || x.dim(0) * x.dim(2) * x.dim(3) > 1, op,
        "training expects more than one value a channel, got shape {}; use a larger batch", x.shape().str());
}

// running = (1 - momentum) * running + momentum * batch
void move_towards(Tensor& running, const Tensor& batch, float momentum) {
  const std::int64_t n = running.numel();
  kernels::eltwise().affine(running.data(), 1.0f - momentum, 0.0f, running.data(), n);
  kernels::eltwise().accumulate(batch.data(), momentum, running.data(), n);
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor& running_mean,
                  Tensor& running_var, const BatchNormOptions& options, const Tensor& residual) {
  check_inputs(x, gamma, beta, running_mean, running_var, options, residual);
  const kernels::LaneShape shape = lane_shape(x.shape());
  const bool training = options.training, relu = options.relu;
  Tensor mean = training ? Tensor::empty({shape.C}) : running_mean.clone();
  Tensor variance = training ? Tensor::empty({shape.C}) : running_var;
  Tensor inv_std = Tensor::empty({shape.C});
  Tensor y = Tensor::empty_like(x);
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    const kernels::BatchNormFwd<T> forward{.src = x.data<T>(),
                                           .gamma = gamma.data(),
                                           .beta = beta.data(),
                                           .residual = residual.defined() ? residual.data<T>() : nullptr,
                                           .relu = relu,
                                           .epsilon = options.eps,
                                           .dst = y.data<T>(),
                                           .mean = mean.data(),
                                           .variance = variance.data(),
                                           .inv_std = inv_std.data()};
    if (training) {
      kernels::backend_norm<T>().batch_norm_fwd_training(shape, forward);
    } else {
      kernels::backend_norm<T>().batch_norm_fwd_inference(shape, forward);
    }
  });
  if (training) {
    move_towards(running_mean, mean, options.momentum);
    move_towards(running_var, variance, options.momentum);
  }
  // Where the ReLU passed follows from x alone, unless a residual was added: then the output is kept to tell.
  // The residual itself is never read again.
  Tensor saved_y = relu && residual.defined() ? y.detach() : Tensor();
  return record("batch_norm", {x, gamma, beta, residual, running_mean, running_var}, y,
                [=, x = x.detach(), gamma = gamma.detach(), beta = beta.detach()](Backward& b) {
                  // Without ReLU the residual's gradient is the output's: passed on, and not overwritten.
                  const bool pass_on = b.needs(3) && !relu;
                  Tensor dx = pass_on ? Tensor::empty_like(x) : b.grad_memory();
                  Tensor dresidual = b.needs(3) && relu ? Tensor::empty_like(x) : Tensor();
                  Tensor dgamma = b.needs(1) ? Tensor::empty({shape.C}) : Tensor();
                  Tensor dbeta = b.needs(2) ? Tensor::empty({shape.C}) : Tensor();
                  with_element(x.dtype(), [&](auto element) {
                    using T = decltype(element);
                    kernels::backend_norm<T>().batch_norm_bwd(
                        shape, {.src = x.data<T>(),
                                .gamma = gamma.data(),
                                .beta = beta.data(),
                                .mean = mean.data(),
                                .inv_std = inv_std.data(),
                                .batch_statistics = training,
                                .relu = relu,
                                .dst = saved_y.defined() ? saved_y.data<T>() : nullptr,
                                .diff_dst = b.grad().data<T>(),
                                .diff_src = dx.data<T>(),
                                .diff_residual = dresidual.defined() ? dresidual.data<T>() : nullptr,
                                .diff_gamma = dgamma.defined() ? dgamma.data() : nullptr,
                                .diff_beta = dbeta.defined() ? dbeta.data() : nullptr});
                  });
                  b.give(0, std::move(dx));
                  b.give(1, std::move(dgamma));
                  b.give(2, std::move(dbeta));
                  b.give(3, pass_on ? b.grad() : std::move(dresidual));
                },
                {{"eps", options.eps}, {"relu", relu}});
}

}  // namespace espalier::ops
