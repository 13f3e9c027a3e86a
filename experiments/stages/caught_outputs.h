// What some modules of a network return, caught while this lives.
#pragma once

#include <vector>

#include "framework/nn/module.h"

namespace espalier {

class CaughtOutputs : public nn::CallObserver {
 public:
  explicit CaughtOutputs(std::vector<nn::Module*> modules);

  void called(nn::Module& module, const Tensor& x, const Tensor& y) override;
  // Of the latest pass, in the order of the modules, which are let go of. Throws Error (usage) that names a
  // module which was not called: the one before it may do its work.
  std::vector<Tensor> take();

 private:
  std::vector<nn::Module*> modules_;
  std::vector<Tensor> outputs_;  // a module; undefined until it is called
};

}  // namespace espalier
