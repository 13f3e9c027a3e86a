#include "framework/ops/relayout.h"

#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/layout/layout.h"

namespace espalier::ops {

Tensor relayout(const Tensor& t, const Shape& shape) {
  const bool lanes = t.is_lanes();
  if (!lanes || storage_elements(shape, Layout::lanes) == t.storage_elements()) return t.view(shape);
  Tensor rows = t;  // without padding
  if (has_plane_padding(t.shape())) {
    rows = Tensor::empty({t.dim(0), t.numel() / t.dim(0)}, Layout::lanes, t.dtype());
    with_element(t.dtype(), [&](auto element) {
      using T = decltype(element);
      kernels::layout<T>().compact(lane_shape(t.shape()), t.data<T>(), rows.data<T>());
    });
  }
  if (!has_plane_padding(shape)) return rows.view(shape);
  Tensor planes = Tensor::empty(shape, Layout::lanes, t.dtype());
  with_element(t.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::layout<T>().expand(lane_shape(shape), rows.data<T>(), planes.data<T>());
  });
  return planes;
}

}  // namespace espalier::ops
