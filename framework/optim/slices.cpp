#include "framework/optim/slices.h"

#include <algorithm>

namespace espalier::optim {

Slices::Slices(const std::vector<std::int64_t>& parameter_sizes) {
  std::int64_t in_task = kMostElements;  // full: the first slice opens a task
  for (std::size_t p = 0; p < parameter_sizes.size(); ++p) {
    for (std::int64_t begin = 0; begin < parameter_sizes[p]; begin += kMostElements) {
      const std::int64_t count = std::min(kMostElements, parameter_sizes[p] - begin);
      if (in_task + count > kMostElements) {
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
