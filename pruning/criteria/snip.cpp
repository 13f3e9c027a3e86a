#include "pruning/criteria/snip.h"

#include <cmath>

#include "pruning/criteria/untouched.h"

namespace espalier::pruning {

void Snip::fields(FieldVisitor& v) {
  v.field("batches", batches_, "training batches that the gradient is summed over", {1, 100000});
}

void Snip::measure(const ScoringData& data, std::span<nn::Parameter* const> targets) {
  const Untouched untouched(data.model);
  sum_gradients(data, batches_);
  for (const nn::Parameter* target : targets) {
    const Tensor gradient = target->grad();
    const float *w = target->value.data(), *g = gradient.data();
    set_scores(*target, [&](std::int64_t i) { return std::abs(w[i] * g[i]); });
  }
}

}  // namespace espalier::pruning
