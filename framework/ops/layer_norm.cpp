#include "framework/ops/layer_norm.h"

#include "framework/autograd/node.h"
#include "framework/ops/checks.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/norm/norm.h"

namespace espalier::ops {

Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps) {
  constexpr const char* op = "layer_norm";
  const bool tokens = x.defined() && x.rank() == 3;
  check_activation(x, tokens ? 3 : 2, op, "x", "[N, C] or [N, T, C]");
  check_parameter(gamma, {x.dim(-1)}, op, "gamma");
  check_parameter(beta, {x.dim(-1)}, op, "beta");
  const kernels::LaneShape shape = lane_shape(x.shape());
  Tensor mean = Tensor::empty(x.shape().without(-1), Layout::lanes);
  Tensor inv_std = Tensor::empty_like(mean);
  Tensor y = Tensor::empty_like(x);
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::norm<T>().layer_norm_fwd(shape, {.src = x.data<T>(),
                                              .gamma = gamma.data(),
                                              .beta = beta.data(),
                                              .epsilon = eps,
                                              .dst = y.data<T>(),
                                              .mean = mean.data(),
                                              .inv_std = inv_std.data()});
  });
  // With mean and 1/std a row saved, backward computes the normalised x again instead of keeping it too.
  return record(op, {x, gamma, beta}, y, [=, x = x.detach(), gamma = gamma.detach()](Backward& b) {
    Tensor dx = b.grad_memory();
    Tensor dgamma = b.needs(1) ? Tensor::empty({shape.C}) : Tensor();
    Tensor dbeta = b.needs(2) ? Tensor::empty({shape.C}) : Tensor();
    Tensor scratch = Tensor::empty({kernels::layer_norm_bwd_scratch_floats(shape)});
    with_element(x.dtype(), [&](auto element) {
      using T = decltype(element);
      kernels::norm<T>().layer_norm_bwd(shape, {.src = x.data<T>(),
                                                .gamma = gamma.data(),
                                                .mean = mean.data(),
                                                .inv_std = inv_std.data(),
                                                .diff_dst = b.grad().data<T>(),
                                                .diff_src = dx.data<T>(),
                                                .diff_gamma = dgamma.defined() ? dgamma.data() : nullptr,
                                                .diff_beta = dbeta.defined() ? dbeta.data() : nullptr,
                                                .scratch = scratch.data()});
    });
    b.give(0, std::move(dx));
    b.give(1, std::move(dgamma));
    b.give(2, std::move(dbeta));
  });
}

}  // namespace espalier::ops
