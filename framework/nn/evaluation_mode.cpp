#include "framework/nn/evaluation_mode.h"

namespace espalier::nn {

KeptModes::KeptModes(Module& model) {
  for (Module* module : model.modules()) were_training_.emplace_back(module, module->is_training());
}

KeptModes::~KeptModes() {
  // train() reaches all below a module; parents come first.
  for (const auto& [module, was_training] : were_training_) module->train(was_training);
}

}  // namespace espalier::nn
