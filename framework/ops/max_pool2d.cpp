#include "framework/ops/max_pool2d.h"

#include "framework/autograd/node.h"
#include "framework/tensor/element.h"

namespace espalier::ops {

Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options) {
  const kernels::PoolShape s = checked_pool_shape(x, options, "max_pool2d");
  Tensor y = Tensor::empty({s.N, s.C, s.OH(), s.OW()}, Layout::lanes, x.dtype());
  // Saved: which tap of its window each output came from, two bytes each. Neither x nor y.
  Tensor indices;  // [N, C, OH, OW] uint16 in lanes
  if (x.requires_grad() && grad_enabled()) {
    indices = Tensor::empty({2 * y.storage_elements()}, Layout::plain, DType::u8);
  }
  const auto winners = [](const Tensor& t) {
    return reinterpret_cast<std::uint16_t*>(const_cast<std::uint8_t*>(t.data<std::uint8_t>()));
  };
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::pool<T>().max_fwd(s, x.data<T>(), y.data<T>(), indices.defined() ? winners(indices) : nullptr);
  });
  return record("max_pool2d", {x}, y,
                [=](Backward& b) {
                  Tensor dx = Tensor::empty({s.N, s.C, s.IH, s.IW}, Layout::lanes, b.grad().dtype());
                  with_element(dx.dtype(), [&](auto element) {
                    using T = decltype(element);
                    kernels::pool<T>().max_bwd(s, winners(indices), b.grad().data<T>(), dx.data<T>());
                  });
                  b.give(0, std::move(dx));
                },
                {{"kernel", s.KH}, {"stride", s.SH}, {"padding", s.PH}});
}

}  // namespace espalier::ops
