#include "pruning/granularity/n_of_m.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "framework/core/error.h"

namespace espalier::pruning {

void NOfM::fields(FieldVisitor& v) {
  v.field("n", n_, "weights kept of a group, below m", {1, 63});
  v.field("m", m_, "weights of a group: neighbouring input channels", {2, 64});
}

bool NOfM::applies_to(const Shape& shape) const {
  if (n_ >= m_)
    fail(ErrorKind::usage, "prune", "granularity 'n_of_m' keeps n of m weights, got {} of {}", n_, m_);
  return shape.rank() >= 2 && shape[1] % m_ == 0;
}

double NOfM::max_sparsity() const { return 1.0 - static_cast<double>(n_) / static_cast<double>(m_); }

std::int64_t NOfM::always_kept(const Shape& shape) const { return shape.numel() / m_ * n_; }

Tensor NOfM::unit_scores(const Tensor& weight_scores, const Mask& mask) const {
  const UnitBox whole = whole_weight(weight_scores.shape());
  Tensor scores = weight_scores.clone();
  float* score = scores.data();
  std::vector<std::pair<float, std::int64_t>> group(static_cast<std::size_t>(m_));  // score, weight
  for (std::int64_t oc = 0; oc < whole.oc; ++oc) {
    for (std::int64_t first = 0; first < whole.ic; first += m_) {
      for (std::int64_t tap = 0; tap < whole.taps; ++tap) {
        for (std::int64_t i = 0; i < m_; ++i) {
          const std::int64_t weight = (oc * whole.ic + first + i) * whole.taps + tap;
          const bool alive = mask.dense() || mask.data()[weight] != 0;
          group[static_cast<std::size_t>(i)] = {alive ? score[weight] : std::numeric_limits<float>::lowest(),
                                                weight};
        }
        std::nth_element(group.begin(), group.end() - n_, group.end());
        for (auto best = group.end() - n_; best != group.end(); ++best)
          score[best->second] = std::numeric_limits<float>::max();
      }
    }
  }
  return scores;
}

}  // namespace espalier::pruning
