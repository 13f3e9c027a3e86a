// Optimizers by name, for configs.
//
//   auto spec = optim::optimizer_registry().make("sgd");   // then fields() reads its settings
//   std::unique_ptr<optim::Optimizer> optimizer = spec->build(model->parameters());
#pragma once

#include <memory>
#include <vector>

#include "framework/core/registry.h"
#include "framework/optim/optimizer.h"

namespace espalier::optim {

// An optimizer's settings before there are parameters to optimise.
class OptimizerSpec {
 public:
  virtual ~OptimizerSpec() = default;
  virtual void fields(FieldVisitor& v) = 0;
  virtual std::unique_ptr<Optimizer> build(std::vector<nn::Parameter*> parameters) const = 0;
};

// sgd, adamw, adam, muon
const Registry<OptimizerSpec>& optimizer_registry();

}  // namespace espalier::optim
