// Follows what each weight computes through the norms and activations behind it, which keep its channels. For
// criteria that judge a filter by what becomes of its output.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "framework/nn/module.h"

namespace espalier::pruning {

class FollowedOutputs : public nn::CallObserver {
 public:
  // visit(weight, module, y): `module` is that of the weight or one behind it, y what it gives.
  using Visit = std::function<void(const nn::Parameter& weight, nn::Module& module, const Tensor& y)>;

  explicit FollowedOutputs(Visit visit) : visit_(std::move(visit)) {}

  void called(nn::Module& module, const Tensor& x, const Tensor& y) override;

 private:
  struct Output {
    const nn::Parameter* weight;
    Tensor y;  // the last module's; held, so that no other tensor can have its storage
  };

  Visit visit_;
  std::map<std::string, Output> outputs_;  // by weight
};

}  // namespace espalier::pruning
