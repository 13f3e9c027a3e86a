#include "pruning/criteria/criterion.h"

#include <cmath>
#include <utility>

#include "framework/core/error.h"
#include "framework/nn/modules/dropout.h"

namespace espalier::pruning {

Tensor ScoringData::loss(std::int64_t i, float temperature) const {
  nn::stop_dropping(model);
  return batch_loss(i, temperature);
}

Tensor finite_scores(Criterion& criterion, const nn::Parameter& parameter) {
  Tensor scores = criterion.scores(parameter);
  const float* score = std::as_const(scores).data();
  const std::uint8_t* mask = parameter.mask.data();
  for (std::int64_t i = 0; i < scores.numel(); ++i) {
    if (std::isfinite(score[i]) || (mask != nullptr && mask[i] == 0)) continue;
    fail(ErrorKind::not_finite, "prune",
         "the criterion scores weight {} of {} as {}: no order; a lower learning rate, or another criterion",
         i, parameter.name, score[i]);
  }
  return scores;
}

}  // namespace espalier::pruning
