#include "pruning/policies/regrow.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pruning/policies/feedback.h"
#include "pruning/policies/no_regrowth.h"
#include "pruning/policies/rigl.h"
#include "pruning/policies/set.h"

namespace espalier::pruning {

void Regrow::fields(FieldVisitor& v) {
  v.field("fraction", fraction_, "share of a layer's living units that moves at first", {0.0, 1.0});
  timing_fields(v);
}

void Regrow::timing_fields(FieldVisitor& v) {
  v.field("every", every_, "optimizer steps from one time to the next", {1});
  v.field("end", end_, "until when, as a fraction of the stage's steps", {0.0, 1.0});
}

std::int64_t Regrow::last_step(std::int64_t total) const {
  return std::llround(end_ * static_cast<double>(total));
}

bool Regrow::due(std::int64_t done, std::int64_t total) const {
  return done > 0 && !over(done, total) && done % every_ == 0;
}

double Regrow::share(std::int64_t done, std::int64_t total) const {
  const double p =
      static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(1, last_step(total)));
  return 0.5 * fraction_ * (1.0 + std::cos(std::numbers::pi * p));
}

Tensor Regrow::growth_scores(const nn::Parameter& parameter, std::int64_t) {
  return Tensor::zeros(parameter.value.shape());
}

const Registry<Regrow>& regrow_registry() {
  static const Registry<Regrow> registry(
      "regrow", {
                    {"none", "what is pruned stays pruned", std::make_unique<NoRegrowth>},
                    {"set", "at random (Mocanu et al. 2018)", std::make_unique<Set>},
                    {"rigl", "where the gradient is largest (Evci et al. 2020)", std::make_unique<RigL>},
                    {"feedback", "pruned weights learn on, and all compete anew (Lin et al. 2020)",
                     std::make_unique<Feedback>},
                });
  return registry;
}

}  // namespace espalier::pruning
