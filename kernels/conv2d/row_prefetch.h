// The input that a strip of rows will read, fetched while the strip before it is computed.
#pragma once

#include "kernels/conv2d/direct_plan.h"

namespace espalier::kernels {
namespace {

// Fetches the rows that the next strip adds to this one, a few lines after each call of the micro-kernel:
// those of all channels at once would wait for memory, and far apart as they are the hardware does not
// foresee them.
class RowPrefetch {
 public:
  template <class Element>
  RowPrefetch(const Gather& p, const Element* in, int row_end, int next_end, int calls) {
    constexpr std::int64_t kVectorBytes = kLanes * sizeof(Element);
    const std::int64_t row_bytes = p.w.in * kVectorBytes;
    int first;
    if (!p.backward && p.h.kernel == 1 && p.w.kernel == 1 && p.w.stride > 1) {  // skips pixels and rows
      first = smaller(row_end * p.h.stride, p.h.in);
      rows_ = next_end - row_end;
      lines_ = p.w.out;
      row_step_ = p.h.stride * row_bytes;
      line_step_ = p.w.stride * kVectorBytes;
    } else {
      first = input_end(p.h, row_end);
      rows_ = 1;
      lines_ =
          static_cast<int>(((input_end(p.h, next_end) - first) * row_bytes + kLineBytes - 1) / kLineBytes);
      row_step_ = 0;
      line_step_ = kLineBytes;
    }
    plane_bytes_ = p.in_plane * static_cast<std::int64_t>(sizeof(Element));
    plane_ = reinterpret_cast<const char*>(in) + first * row_bytes;
    left_ = std::int64_t{rows_} * lines_ * p.C;
    step_ = static_cast<int>((left_ + calls - 1) / calls);
  }

  void advance() {
    for (int i = 0; i < step_ && left_ > 0; ++i, --left_) {
      __builtin_prefetch(plane_ + row_ * row_step_ + line_ * line_step_);
      if (++line_ < lines_) continue;
      line_ = 0;
      if (++row_ == rows_) row_ = 0, plane_ += plane_bytes_;
    }
  }

 private:
  // One past the last input row that output rows [0, end) see.
  static int input_end(const AxisShape& h, int end) {
    for (int o = end - 1; o >= 0; --o) {
      const AxisReach reach = axis_reach(h, o);
      if (reach.taps > 0) return reach.first_in + (h.backward ? 1 : reach.taps);
    }
    return 0;
  }

  static constexpr int kLineBytes = 64;

  std::int64_t plane_bytes_, row_step_, line_step_, left_;
  const char* plane_;
  int rows_, lines_, row_ = 0, line_ = 0, step_;
};

}  // namespace
}  // namespace espalier::kernels
