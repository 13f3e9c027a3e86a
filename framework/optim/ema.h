// An exponential moving average of a model's weights: it often generalises better than the last weights do
// (Polyak and Juditsky, 1992).
//
//   optimizer.step();
//   ema.update();
//   ...
//   { const optim::AveragedWeights averaged(&ema);  evaluate(model); }   // the model's own are back here
#pragma once

#include <cstdint>
#include <vector>

#include "framework/nn/module.h"
#include "framework/optim/slices.h"

namespace espalier::optim {

class Ema {
 public:
  // Starts from the weights that the model has now. The model must outlive this. decay in [0, 1).
  Ema(nn::Module& model, double decay);

  // After every optimizer step, for update t = 0, 1, ...:
  //   d = min(decay, (1 + t) / (10 + t));  average = d * average + (1 - d) * value
  // d is small at first, so that the random initial weights are soon forgotten. Covers the parameters and the
  // buffers (running statistics). Where a parameter's mask is 0, so is its average.
  void update();
  // Exchanges the averages and the model's values.
  void swap();

  std::int64_t updates() const { return updates_; }
  // The averages, under the names of the model's state dict.
  NamedTensors state() const;
  // Copies averages in. Throws Error (integrity) naming all that does not fit; then nothing was copied.
  void load_state(const NamedTensors& state, std::int64_t updates);

 private:
  struct Entry {
    const std::string* name;
    Tensor* value;
    const Mask* mask;  // null: a buffer
    Tensor average;
  };

  double decay_;
  std::vector<Entry> entries_;
  Slices slices_;
  std::int64_t updates_ = 0;
};

// The model has the averaged weights in a scope. A null Ema changes nothing.
class AveragedWeights {
 public:
  explicit AveragedWeights(Ema* ema) : ema_(ema) {
    if (ema_ != nullptr) ema_->swap();
  }
  ~AveragedWeights() {
    if (ema_ != nullptr) ema_->swap();
  }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  Ema* ema_;
};

}  // namespace espalier::optim
