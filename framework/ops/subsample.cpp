#include "framework/ops/subsample.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/strided.h"

namespace espalier::ops {

Tensor subsample(const Tensor& x, int stride, std::int64_t channels) {
  constexpr const char* op = "subsample";
  check_activation(x, 4, op, "x", "[N, C, H, W]");
  check(stride >= 1, op, "expected a stride of 1 or more, got {}", stride);
  check(channels >= x.dim(1), op, "{} channels do not fit into {}", x.dim(1), channels);
  Tensor y =
      Tensor::zeros({x.dim(0), channels, (x.dim(2) + stride - 1) / stride, (x.dim(3) + stride - 1) / stride},
                    Layout::lanes, x.dtype());
  const Strided from = strided(x.shape(), Layout::lanes), to = strided(y.shape(), Layout::lanes);
  Move kept = {.size = to.size,
               .src_stride = from.stride,
               .dst_stride = to.stride,
               .dst_offset = (channels - x.dim(1)) / 2 * to.stride[1]};
  kept.size[1] = x.dim(1);
  kept.src_stride[2] *= stride;
  kept.src_stride[3] *= stride;
  move_elements(kept, 4, x, y);
  return record(op, {x}, y,
                [kept, shape = x.shape()](Backward& b) {
                  Tensor dx = b.take_sum(0);
                  const bool add = dx.defined();
                  if (!add) dx = Tensor::zeros(shape, Layout::lanes, b.grad().dtype());
                  const Move back = {.size = kept.size,
                                     .src_stride = kept.dst_stride,
                                     .dst_stride = kept.src_stride,
                                     .src_offset = kept.dst_offset,
                                     .add = add};
                  move_elements(back, 4, b.grad(), dx);
                  b.give(0, std::move(dx));
                },
                {{"stride", stride}});
}

}  // namespace espalier::ops
