#include "framework/ops/strided.h"

#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/layout/strided_copy.h"

namespace espalier::ops {

Strided strided(const Shape& shape, Layout layout) {
  Strided s;
  const bool lanes = layout == Layout::lanes;
  s.width = lanes ? kernels::kLanes : 1;
  std::int64_t stride = 1;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    const auto i = static_cast<std::size_t>(d);
    if (lanes && d == 1 && shape.rank() == 4) stride = kernels::plane_vectors(stride);
    s.size[i] = lanes && d == 0 ? kernels::groups(shape[0]) : shape[d];
    s.stride[i] = stride;
    stride *= s.size[i];
  }
  return s;
}

void move_elements(const Move& move, int rank, const Tensor& src, Tensor& dst) {
  kernels::StridedCopy copy;
  copy.element = !dst.is_lanes()  ? kernels::CopyElement::numbers
                 : src.is_lanes() ? kernels::CopyElement::vectors
                                  : kernels::CopyElement::numbers_to_vectors;
  copy.add = move.add;
  const int first = kernels::StridedCopy::kRank - rank;
  for (int d = 0; d < rank; ++d) {
    const auto i = static_cast<std::size_t>(d);
    copy.size[first + d] = move.size[i];
    copy.src_stride[first + d] = move.src_stride[i];
    copy.dst_stride[first + d] = move.dst_stride[i];
  }
  const std::int64_t src_width = src.is_lanes() ? kernels::kLanes : 1;
  const std::int64_t dst_width = dst.is_lanes() ? kernels::kLanes : 1;
  with_element(dst.dtype(), [&](auto element) {
    using To = decltype(element);
    To* to = dst.data<To>() + move.dst_offset * dst_width;
    const std::int64_t from = move.src_offset * src_width;
    if (src.is_lanes()) {
      kernels::strided_copy(copy, src.data<To>() + from, to);
    } else {
      kernels::strided_copy(copy, src.data() + from, to);
    }
  });
}

}  // namespace espalier::ops
