// Training beside its own future: a masked network goes on, and so does the network without what is masked,
// with the moments and the average that it takes along.
#pragma once

#include "framework/ops/cross_entropy.h"
#include "framework/optim/ema.h"
#include "framework/train/checkpoint.h"
#include "pruning/dependencies/shrink.h"
#include "tests/pruning/dependencies/outputs.h"
#include "tests/support/gradient_check.h"

namespace espalier::testing {

// Sixteen random images of five classes.
struct Batch {
  Tensor images = random_tensor({16, 3, 8, 8}, Layout::lanes, 3);
  Tensor labels = Tensor::zeros({16}, Layout::plain, DType::i32);

  Batch() {
    for (int i = 0; i < 16; ++i) labels.data<std::int32_t>()[i] = i % 5;
  }
};

template <class Optimizer, class Settings>
struct Training {
  Training(nn::Module& trained, const Settings& given)
      : model(trained), settings(given), optimizer(model.parameters(), settings), ema(model, 0.9) {}

  // The mask contract holds after each.
  void steps(int count, const Batch& batch) {
    for (int i = 0; i < count; ++i) {
      model.train();
      ops::cross_entropy(model(batch.images), batch.labels).backward();
      optimizer.step();
      optimizer.zero_grad();
      ema.update();
      REQUIRE_NOTHROW(optimizer.check_masks());
    }
  }

  nn::Module& model;
  const Settings settings;
  Optimizer optimizer;
  optim::Ema ema;
};

// `twin`, a network built as the masked one was, takes its values, shrinks, and three steps later computes as
// the masked one does, by its weights and by their average.
template <class Optimizer, class Settings>
pruning::Shrunk check_goes_on_alike(Training<Optimizer, Settings>& masked, nn::Module& twin,
                                    const Shape& image, const Batch& batch, double tolerance) {
  train::load_model_tensors(twin, train::model_tensors(masked.model));
  pruning::Shrunk shrunk = pruning::shrink(twin, image);
  Training<Optimizer, Settings> smaller(twin, masked.settings);
  smaller.optimizer.load_state(shrunk.select(masked.optimizer.state()), masked.optimizer.steps());
  smaller.ema.load_state(shrunk.select(masked.ema.state()), masked.ema.updates());
  masked.steps(3, batch);
  smaller.steps(3, batch);
  check_equal(outputs(masked.model, batch.images), outputs(twin, batch.images), tolerance);
  const optim::AveragedWeights averaged(&masked.ema), averaged_twin(&smaller.ema);
  check_equal(outputs(masked.model, batch.images), outputs(twin, batch.images), tolerance);
  return shrunk;
}

}  // namespace espalier::testing
