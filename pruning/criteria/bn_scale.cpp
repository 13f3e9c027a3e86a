#include "pruning/criteria/bn_scale.h"

#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "pruning/criteria/followed_outputs.h"
#include "pruning/criteria/untouched.h"

namespace espalier::pruning {
namespace {

bool is_scale(const nn::Parameter& parameter) {
  return parameter.kind == nn::ParameterKind::norm && parameter.name.ends_with("weight");
}

}  // namespace

void BnScale::fields(FieldVisitor& v) {
  v.field("penalty", penalty_, "on the sum of all scales' sizes, while it trains", {0.0, 1e6});
}

void BnScale::measure(const ScoringData& data, std::span<nn::Parameter* const> targets) {
  const Untouched untouched(data.model);
  std::map<std::string, const nn::Parameter*> scales;  // by the weight before it
  {
    const NoGrad off;
    const FollowedOutputs followed([&](const nn::Parameter& weight, nn::Module& module, const Tensor&) {
      for (const nn::Parameter* parameter : module.own_parameters()) {
        if (is_scale(*parameter) && parameter->value.numel() == weight.value.dim(0))
          scales[weight.name] = parameter;
      }
    });
    data.model.eval();
    data.loss(0);
  }
  for (const nn::Parameter* target : targets) {
    const auto found = scales.find(target->name);
    if (found == scales.end()) continue;
    const float* gamma = found->second->value.data();
    const std::int64_t size = target->value.numel() / target->value.dim(0);
    set_scores(*target, [&](std::int64_t i) { return std::abs(gamma[i / size]); });
  }
}

std::string BnScale::blind_to(const nn::Parameter& parameter) const {
  return has_scores(parameter) ? "" : "no batch norm follows it";
}

Tensor BnScale::scores(const nn::Parameter& parameter) {
  if (!has_scores(parameter))
    fail(ErrorKind::usage, "bn_scale", "no batch norm follows {}; exclude it", parameter.name);
  return Measured::scores(parameter);
}

void BnScale::observe(const optim::StepInfo&, std::span<nn::Parameter* const> parameters) {
  const auto penalty = static_cast<float>(penalty_);
  for (nn::Parameter* parameter : parameters) {
    Tensor gradient = parameter->grad();
    if (!is_scale(*parameter) || !gradient.defined()) continue;
    const float* gamma = parameter->value.data();
    for (std::int64_t i = 0; i < gradient.numel(); ++i) {
      if (gamma[i] != 0.0f) gradient.data()[i] += gamma[i] > 0.0f ? penalty : -penalty;
    }
  }
}

}  // namespace espalier::pruning
