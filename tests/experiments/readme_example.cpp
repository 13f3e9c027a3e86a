#include "datasets/loader.h"
#include "framework/ops/cross_entropy.h"
#include "framework/optim/sgd.h"
#include "models/registry.h"
#include "pruning/pruner.h"
using namespace espalier;

float fit(const datasets::Splits& data, int epochs) {
  datasets::Loader loader(data.train, {.batch = 128, .shuffle = true, .normalisation = data.normalisation});
  const auto model = models::model_registry().make("resnet20")->build({3, 32, 32}, 10, /*seed=*/1);
  optim::Sgd optimizer(model->parameters(), {{.lr = 0.05, .weight_decay = 5e-4}, /*momentum=*/0.9});

  pruning::PrunerSettings settings;  // half of the weights, gradually, by global magnitude
  settings.sparsity = 0.5;
  settings.schedule = pruning::schedule_registry().make("cubic");
  pruning::Pruner pruner(std::move(settings), model->parameters(), epochs * loader.batches());
  optimizer.add_hook(&pruner);  // from now on a part of optimizer.step()
  pruner.start();
  optimizer.enforce_masks();

  Tensor loss;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    loader.start(epoch);
    while (const auto batch = loader.next()) {
      loss = ops::cross_entropy((*model)(batch->images), batch->labels);
      loss.backward();
      optimizer.step();
      optimizer.zero_grad();
    }
    fmt::print("epoch {}: loss {:.3f}, {:.0f}% of the weights\n", epoch, loss.item(), 100 * pruner.density());
  }
  return loss.item();
}

int main() { fit(datasets::dataset_registry().make("cifar10")->load(), 10); }
