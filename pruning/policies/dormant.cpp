#include "pruning/policies/dormant.h"

#include <algorithm>
#include <string>

#include "framework/core/error.h"

namespace espalier::pruning {
namespace {

const std::string kPrefix = "dormant.";

}  // namespace

bool have_dormant(Targets targets) {
  return std::any_of(targets.begin(), targets.end(),
                     [](const nn::Parameter* target) { return target->dormant.defined(); });
}

void let_all_compete(Targets targets) {
  for (nn::Parameter* target : targets) {
    if (!target->dormant.defined()) target->dormant = Tensor::zeros(target->value.shape());
    target->mask = Mask::ones(target->value.shape());
  }
}

bool drop_dormant(Targets targets) {
  const bool had = have_dormant(targets);
  for (nn::Parameter* target : targets) target->dormant = {};
  return had;
}

NamedTensors dormant_state(Targets targets) {
  NamedTensors state;
  for (const nn::Parameter* target : targets) {
    if (target->dormant.defined()) state.emplace_back(kPrefix + target->name, target->dormant);
  }
  return state;
}

NamedTensors load_dormant(Targets targets, const NamedTensors& state) {
  NamedTensors rest;
  for (const auto& entry : state) {
    const std::string& name = entry.first;
    const Tensor& weights = entry.second;
    if (!name.starts_with(kPrefix)) {
      rest.push_back(entry);
      continue;
    }
    const auto target = std::find_if(targets.begin(), targets.end(),
                                     [&](const nn::Parameter* t) { return kPrefix + t->name == name; });
    if (target == targets.end() || weights.dtype() != DType::f32 ||
        weights.shape() != (*target)->value.shape()) {
      fail(ErrorKind::integrity, "prune", "{} {} in the checkpoint is of no weight that this pruner prunes",
           name, weights.shape().str());
    }
    (*target)->dormant = weights.clone();
  }
  return rest;
}

}  // namespace espalier::pruning
