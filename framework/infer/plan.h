// Compiled inference: a model becomes a plan once, and the plan runs many times, with no tape, no allocation
// and nothing prepared at a call.
//
//   infer::Plan plan = infer::compile(*model, {3, 32, 32}, {.batch = 1});
//   plan.run(images, logits);
#pragma once

#include <span>
#include <string>

#include "framework/infer/runtime/executor.h"
#include "framework/nn/module.h"
#include "framework/tensor/tensor.h"

namespace espalier::infer {

using Options = ExecutorOptions;

class Plan {
 public:
  explicit Plan(Executor executor) : executor_(std::move(executor)) {}

  // images [batch, C, H, W], row-major, normalised as in training -> logits [batch, classes]. The model in
  // evaluation mode gives the same up to the order of sums. Throws Error when sizes do not fit. Not for
  // several threads at once; the kernels run on as many as when it was compiled.
  void run(std::span<const float> images, std::span<float> logits);

  // The shortest time of each step of executor().program() in so many runs, in seconds.
  std::vector<double> profile(std::span<const float> images, std::span<float> logits, int runs);

  // Steps, kernels with the reasons for them, and memory, as text.
  std::string describe() const;
  const Executor& executor() const { return executor_; }

 private:
  void check_sizes(std::size_t images, std::size_t logits) const;

  Executor executor_;
};

// Traces the model (framework/graph/) on an image [C, H, W] in evaluation mode and compiles what it did. The
// model is left as it was and not referred to. Throws Error naming the operation that cannot be compiled.
Plan compile(nn::Module& model, const Shape& image, const Options& options = {});

}  // namespace espalier::infer
