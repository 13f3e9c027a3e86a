// A few layers, and a function that says what is computed with them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "framework/nn/module.h"

namespace espalier::testing {

class WiredNetwork : public nn::Module {
 public:
  using Layers = std::map<std::string, std::shared_ptr<nn::Module>>;
  using Call = std::function<Tensor(const char* layer, const Tensor& x)>;
  using Wiring = std::function<Tensor(const Call& call, const Tensor& x)>;

  WiredNetwork(Layers layers, Wiring wiring) : layers_(std::move(layers)), wiring_(std::move(wiring)) {
    for (const auto& [name, layer] : layers_) register_module(name, layer);
  }
  Tensor forward(const Tensor& x) override {
    return wiring_([this](const char* layer, const Tensor& input) { return (*layers_.at(layer))(input); }, x);
  }
  std::string type_name() const override { return "WiredNetwork"; }

 private:
  Layers layers_;
  Wiring wiring_;
};

}  // namespace espalier::testing
