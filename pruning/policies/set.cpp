#include "pruning/policies/set.h"

#include "framework/core/random.h"

namespace espalier::pruning {

void Set::fields(FieldVisitor& v) {
  Regrow::fields(v);
  v.field("seed", seed_, "of what grows", {0});
}

Tensor Set::growth_scores(const nn::Parameter& parameter, std::int64_t done) {
  Random random(static_cast<std::uint64_t>(seed_), "regrow", hash_text(parameter.name),
                static_cast<std::uint64_t>(done));
  Tensor scores = Tensor::empty(parameter.value.shape());
  for (std::int64_t i = 0; i < scores.numel(); ++i) scores.data()[i] = random.uniform();
  return scores;
}

}  // namespace espalier::pruning
