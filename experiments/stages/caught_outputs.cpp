#include "experiments/stages/caught_outputs.h"

#include <utility>

#include "framework/core/error.h"

namespace espalier {

CaughtOutputs::CaughtOutputs(std::vector<nn::Module*> modules)
    : modules_(std::move(modules)), outputs_(modules_.size()) {}

void CaughtOutputs::called(nn::Module& module, const Tensor&, const Tensor& y) {
  for (std::size_t i = 0; i < modules_.size(); ++i) {
    if (modules_[i] == &module) outputs_[i] = y;
  }
}

std::vector<Tensor> CaughtOutputs::take() {
  for (std::size_t i = 0; i < modules_.size(); ++i) {
    if (outputs_[i].defined()) continue;
    fail(ErrorKind::usage, "distill", "layer '{}' ({}) is not called by itself; name the one before it",
         modules_[i]->path(), modules_[i]->type_name());
  }
  return std::exchange(outputs_, std::vector<Tensor>(modules_.size()));
}

}  // namespace espalier
