// What a training benchmark repeats: forward, loss, backward and an SGD step on one batch of random images.
#pragma once

#include <cstdint>

#include "experiments/bench/subject.h"
#include "framework/autograd/profile.h"
#include "framework/optim/sgd.h"

namespace espalier::bench {

class TrainingStep {
 public:
  // `precision`: of activations and their gradients, f32 or bf16.
  TrainingStep(const Subject& subject, std::int64_t batch, DType precision);

  // Returns the loss. `profile`, unless null, sees every operation and the optimizer.
  double run(Profile* profile = nullptr);

 private:
  nn::Module& model_;
  optim::Sgd optimizer_;
  Tensor images_, labels_;
};

}  // namespace espalier::bench
