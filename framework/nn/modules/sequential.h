#pragma once

#include "framework/nn/module.h"

namespace espalier::nn {

// Modules one after the other, named "0", "1", ...: PyTorch's Sequential.
//
// A BatchNorm2d directly followed by a ReLU runs as one fused pass; the ReLU is then not called by itself.
class Sequential : public Module {
 public:
  Sequential() = default;
  explicit Sequential(std::vector<std::shared_ptr<Module>> modules);

  // Appends a module; returns it.
  template <class M>
  std::shared_ptr<M> add(std::shared_ptr<M> module) {
    append(module);
    return module;
  }

  Tensor forward(const Tensor& x) override;
  std::string type_name() const override { return "Sequential"; }

 private:
  void append(std::shared_ptr<Module> module);

  std::vector<std::shared_ptr<Module>> sequence_;
};

}  // namespace espalier::nn
