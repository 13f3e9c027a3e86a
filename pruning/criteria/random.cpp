#include "pruning/criteria/random.h"

#include "framework/core/random.h"

namespace espalier::pruning {

void RandomScores::fields(FieldVisitor& v) { v.field("seed", seed_, "seed of the random order", {0}); }

Tensor RandomScores::scores(const nn::Parameter& parameter) {
  Random random(static_cast<std::uint64_t>(seed_), "random scores", hash_text(parameter.name));
  Tensor scores = Tensor::empty(parameter.value.shape());
  float* s = scores.data();
  const std::int64_t numel = scores.numel();
  for (std::int64_t i = 0; i < numel; ++i) s[i] = random.uniform();
  return scores;
}

}  // namespace espalier::pruning
