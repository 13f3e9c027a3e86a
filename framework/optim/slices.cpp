#include "framework/optim/slices.h"

#include <algorithm>

namespace espalier::optim {
namespace {

// 64 KiB of each array: weight, gradient, two moments and mask fit the second-level cache together.
constexpr std::int64_t kSliceFloats = 16 * 1024;

}  // namespace

Slices::Slices(const std::vector<std::int64_t>& parameter_sizes) {
  std::int64_t in_task = kSliceFloats;  // full: the first slice opens a task
  for (std::size_t p = 0; p < parameter_sizes.size(); ++p) {
    for (std::int64_t begin = 0; begin < parameter_sizes[p]; begin += kSliceFloats) {
      const std::int64_t count = std::min(kSliceFloats, parameter_sizes[p] - begin);
      if (in_task + count > kSliceFloats) {
        task_begins_.push_back(slices_.size());
        in_task = 0;
      }
      slices_.push_back({p, begin, count});
      in_task += count;
    }
  }
  task_begins_.push_back(slices_.size());
}

}  // namespace espalier::optim
