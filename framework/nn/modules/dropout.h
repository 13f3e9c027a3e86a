#pragma once

#include "framework/nn/module.h"

namespace espalier::nn {

// What modules that leave something out in training have in common. In evaluation they pass x on.
class Dropping : public Module {
 public:
  Tensor forward(const Tensor& x) override;

  // What the following calls drop is a function of seed, step, this module's path and the number of calls
  // since.
  void start_step(std::uint64_t seed, std::int64_t step);

 protected:
  // `what` names the module in errors. Throws Error unless 0 <= p < 1.
  Dropping(double p, const char* what);

  virtual Tensor drop(const Tensor& x, float p, std::uint64_t seed, std::uint64_t stream) const = 0;

 private:
  float p_;
  std::uint64_t seed_ = 0;
  std::uint64_t stream_ = 0;
};

// Zeroes each element with probability p and scales the others by 1/(1-p): ops::dropout (Srivastava et al.,
// JMLR 2014).
class Dropout : public Dropping {
 public:
  explicit Dropout(double p = 0.5) : Dropping(p, "Dropout") {}
  std::string type_name() const override { return "Dropout"; }

 protected:
  Tensor drop(const Tensor& x, float p, std::uint64_t seed, std::uint64_t stream) const override;
};

// Zeroes each image whole with probability p and scales the others by 1/(1-p), on a residual branch:
// ops::stochastic_depth (Huang et al., arXiv:1603.09382). torchvision's StochasticDepth in its mode "row".
class StochasticDepth : public Dropping {
 public:
  explicit StochasticDepth(double p) : Dropping(p, "StochasticDepth") {}
  std::string type_name() const override { return "StochasticDepth"; }

 protected:
  Tensor drop(const Tensor& x, float p, std::uint64_t seed, std::uint64_t stream) const override;
};

// Calls start_step on every module of the model that drops. A training loop does so before each step, so that
// a resumed run drops what an uninterrupted one would have.
void start_dropout_step(Module& model, std::uint64_t seed, std::int64_t step);

// Puts every module of the model that drops into evaluation mode, whatever mode the others are in: from now
// on nothing is left out.
void stop_dropping(Module& model);

}  // namespace espalier::nn
