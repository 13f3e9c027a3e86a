#include "framework/nn/init.h"

#include <cmath>

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/nn/modules/linear.h"

namespace espalier::nn {

void initialise(Module& model, std::uint64_t seed) {
  const std::vector<Module*> modules = model.modules();
  for (auto module = modules.rbegin(); module != modules.rend(); ++module) (*module)->reset_parameters(seed);
  for (Parameter* parameter : model.parameters()) parameter->mask.apply_(parameter->value);
}

std::int64_t fan_in(const Shape& weight) {
  check(weight.rank() >= 2, "init", "a weight has at least 2 dimensions, got shape {}", weight.str());
  return weight.without(0).numel();
}

void uniform_(Parameter& parameter, float bound, std::uint64_t seed) {
  Random random(seed, parameter.name);
  float* values = parameter.value.data();
  for (std::int64_t i = 0; i < parameter.value.numel(); ++i) {
    values[i] = bound * (2.0f * random.uniform() - 1.0f);
  }
}

void normal_(Parameter& parameter, double deviation, std::uint64_t seed) {
  Random random(seed, parameter.name);
  float* values = parameter.value.data();
  for (std::int64_t i = 0; i < parameter.value.numel(); ++i) {
    values[i] = static_cast<float>(deviation) * random.normal();
  }
}

void normal_linear_init_(Module& model, double deviation, std::uint64_t seed) {
  for (Module* module : model.modules()) {
    if (dynamic_cast<Linear*>(module) == nullptr) continue;
    for (Parameter* parameter : module->own_parameters()) {
      if (parameter->kind == ParameterKind::weight) {
        normal_(*parameter, deviation, seed);
      } else {
        parameter->value.zero_();
      }
    }
  }
}

void default_init_(Parameter& weight, Parameter* bias, std::uint64_t seed) {
  const float bound = 1.0f / std::sqrt(static_cast<float>(fan_in(weight.value.shape())));
  uniform_(weight, bound, seed);
  if (bias != nullptr) uniform_(*bias, bound, seed);
}

}  // namespace espalier::nn
