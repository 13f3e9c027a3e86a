#pragma once

#include "framework/nn/module.h"

namespace espalier::nn {

// In training, zeroes each element with probability p and scales the others by 1/(1-p): ops::dropout
// (Srivastava et al., JMLR 2014). In evaluation, passes x on.
class Dropout : public Module {
 public:
  explicit Dropout(double p = 0.5);

  Tensor forward(const Tensor& x) override;
  std::string type_name() const override { return "Dropout"; }

  // What the following calls drop is a function of seed, step, this module's path and the number of calls
  // since.
  void start_step(std::uint64_t seed, std::int64_t step);

 private:
  float p_;
  std::uint64_t seed_ = 0;
  std::uint64_t stream_ = 0;
};

// Calls start_step on every Dropout of the model. A training loop does so before each step, so that a resumed
// run drops what an uninterrupted one would have.
void start_dropout_step(Module& model, std::uint64_t seed, std::int64_t step);

}  // namespace espalier::nn
