// Cuts many parameters of very different sizes into work for all threads at once: a network has a hundred
// vectors of a few floats and a few matrices of millions, and a parallel loop a parameter would mostly wait.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/parallel.h"

namespace espalier::optim {

// `count` neighbouring elements of one parameter.
struct SliceOf {
  std::size_t parameter;
  std::int64_t begin;
  std::int64_t count;
};

class Slices {
 public:
  // 64 KiB of each array: weight, gradient, two moments and mask fit the second-level cache together.
  static constexpr std::int64_t kMostElements = 16 * 1024;

  explicit Slices(const std::vector<std::int64_t>& parameter_sizes);

  const std::vector<SliceOf>& all() const { return slices_; }

  // body(index, slice) once for every slice, in parallel.
  template <class Body>
  void for_each(const Body& body) const {
    kernels::parallel_for(static_cast<std::int64_t>(task_begins_.size()) - 1, [&](std::int64_t task) {
      const auto t = static_cast<std::size_t>(task);
      for (std::size_t i = task_begins_[t]; i < task_begins_[t + 1]; ++i) body(i, slices_[i]);
    });
  }

 private:
  std::vector<SliceOf> slices_;
  std::vector<std::size_t> task_begins_;  // first slice of each task, and the end
};

}  // namespace espalier::optim
