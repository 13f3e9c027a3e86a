#include "framework/tensor/lanes.h"

#include "framework/core/error.h"
#include "framework/tensor/element.h"
#include "kernels/eltwise/eltwise.h"
#include "kernels/layout/layout.h"

namespace espalier {

Tensor to_lanes(const Tensor& plain, DType dtype) {
  check(!plain.is_lanes() && plain.rank() >= 1, "to_lanes", "expected a plain tensor with a batch dimension");
  Tensor lanes = Tensor::empty(plain.shape(), Layout::lanes, dtype);
  with_element(dtype, [&](auto element) {
    using T = decltype(element);
    kernels::layout<T>().to_lanes(lane_shape(plain.shape()), plain.data(), lanes.data<T>());
  });
  return lanes;
}

Tensor from_lanes(const Tensor& lanes) {
  check(lanes.is_lanes(), "from_lanes", "expected a tensor in lanes");
  Tensor plain = Tensor::empty(lanes.shape());
  with_element(lanes.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::layout<T>().from_lanes(lane_shape(lanes.shape()), lanes.data<T>(), plain.data());
  });
  return plain;
}

Tensor converted(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  Tensor result = Tensor::empty(t.shape(), t.layout(), dtype);
  if (dtype == DType::f32) {
    kernels::eltwise<kernels::Bf16>().widen(t.data<kernels::Bf16>(), result.data(), t.storage_elements());
  } else {
    kernels::eltwise<kernels::Bf16>().round(t.data(), result.data<kernels::Bf16>(), t.storage_elements());
  }
  return result;
}

kernels::LaneShape lane_shape(const Shape& shape) {
  if (shape.rank() == 4) return kernels::image_lanes(shape[0], shape[1], shape[2] * shape[3]);
  if (shape.rank() == 3) return kernels::token_lanes(shape[0], shape[1], shape[2]);
  return kernels::token_lanes(shape[0], 1, shape.without(0).numel());
}

bool has_plane_padding(const Shape& shape) { return shape.rank() == 4 && shape[2] * shape[3] % 2 == 0; }

void clear_padding_lanes(Tensor& t) {
  if (!t.is_lanes() || t.dim(0) % kernels::kLanes == 0) return;
  with_element(t.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::layout<T>().clear_padding_lanes(lane_shape(t.shape()), t.data<T>());
  });
}

}  // namespace espalier
