#include "kernels/layout/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kTaskNumbers = 16 * 1024;  // a task copies at least this much

template <class To>
To rounded_to(float x) {
  if constexpr (std::is_same_v<To, Bf16>) {
    return round_to_bf16(x);
  } else {
    return x;
  }
}

// What becomes of `to`.
template <bool add, class To, class From>
To written(To to, From x) {
  if constexpr (add) {
    return rounded_to<To>(widen(to) + widen(x));
  } else if constexpr (std::is_same_v<To, From>) {
    return x;
  } else {
    return rounded_to<To>(x);
  }
}

// One run along the last dimension.
template <bool add, int src_width, int dst_width, class From, class To>
void copy_row(const StridedCopy& c, const From* src, To* dst) {
  constexpr int last = StridedCopy::kRank - 1;
  const std::int64_t n = c.size[last];
  if (!add && std::is_same_v<From, To> && src_width == dst_width && c.src_stride[last] == 1 &&
      c.dst_stride[last] == 1) {
    std::memcpy(dst, src, static_cast<std::size_t>(n * src_width) * sizeof(To));
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const From* from = src + i * c.src_stride[last] * src_width;
    To* to = dst + i * c.dst_stride[last] * dst_width;
    for (int lane = 0; lane < dst_width; ++lane) {
      to[lane] = written<add>(to[lane], from[src_width == 1 ? 0 : lane]);
    }
  }
}

template <bool add, int src_width, int dst_width, class From, class To>
void copy_rows(const StridedCopy& c, const From* src, To* dst) {
  constexpr int last = StridedCopy::kRank - 1;
  std::int64_t rows = 1;
  for (int d = 0; d < last; ++d) rows *= c.size[d];
  const std::int64_t row_numbers = std::max<std::int64_t>(c.size[last] * dst_width, 1);
  const std::int64_t rows_per_task = std::max<std::int64_t>(kTaskNumbers / row_numbers, 1);
  parallel_for((rows + rows_per_task - 1) / rows_per_task, [&](std::int64_t task) {
    const std::int64_t end = std::min((task + 1) * rows_per_task, rows);
    for (std::int64_t row = task * rows_per_task; row < end; ++row) {
      std::int64_t rest = row, from = 0, to = 0;
      for (int d = last - 1; d >= 0; --d) {
        const std::int64_t i = rest % c.size[d];
        rest /= c.size[d];
        from += i * c.src_stride[d];
        to += i * c.dst_stride[d];
      }
      copy_row<add, src_width, dst_width>(c, src + from * src_width, dst + to * dst_width);
    }
  });
}

template <bool add, class From, class To>
void copy_elements(const StridedCopy& copy, const From* src, To* dst) {
  switch (copy.element) {
    case CopyElement::numbers:
      return copy_rows<add, 1, 1>(copy, src, dst);
    case CopyElement::vectors:
      return copy_rows<add, kLanes, kLanes>(copy, src, dst);
    case CopyElement::numbers_to_vectors:
      return copy_rows<add, 1, kLanes>(copy, src, dst);
  }
}

template <class From, class To>
void copy_or_add(const StridedCopy& copy, const From* src, To* dst) {
  if (copy.add) {
    copy_elements<true>(copy, src, dst);
  } else {
    copy_elements<false>(copy, src, dst);
  }
}

}  // namespace

void strided_copy(const StridedCopy& copy, const float* src, float* dst) { copy_or_add(copy, src, dst); }
void strided_copy(const StridedCopy& copy, const Bf16* src, Bf16* dst) { copy_or_add(copy, src, dst); }
void strided_copy(const StridedCopy& copy, const float* src, Bf16* dst) { copy_or_add(copy, src, dst); }

}  // namespace espalier::kernels
