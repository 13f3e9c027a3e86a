// Training whose convolutions multiply kept weights only is the training that multiplies zeros too.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "framework/nn/execution.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/relu.h"
#include "framework/nn/modules/sequential.h"
#include "framework/ops/mean.h"
#include "framework/ops/mul.h"
#include "framework/optim/sgd.h"
#include "pruning/pruner.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using nn::Execution;

namespace {

std::shared_ptr<nn::Sequential> small_network() {
  auto model = std::make_shared<nn::Sequential>();
  model->add(std::make_shared<nn::Conv2d>(3, 16, 3, nn::Conv2d::Options{.padding = 1, .bias = false}));
  model->add(std::make_shared<nn::BatchNorm2d>(16));
  model->add(std::make_shared<nn::ReLU>());
  model->add(std::make_shared<nn::Conv2d>(16, 20, 3, nn::Conv2d::Options{.stride = 2, .padding = 1}));
  model->add(std::make_shared<nn::ReLU>());
  model->add(std::make_shared<nn::Conv2d>(20, 5, 1));
  nn::initialise(*model, 7);
  return model;
}

PrunerSettings settings_with(const char* criterion, const char* regrow) {
  PrunerSettings settings;
  settings.sparsity = 0.85;
  settings.criterion = criterion_registry().make(criterion);
  settings.scope = scope_registry().make("per_layer");
  settings.regrow = regrow_registry().make(regrow);
  return settings;
}

PrunerSettings half_way(PrunerSettings settings) {
  testing::SetFields at;
  at.numbers["at"] = 0.5;
  settings.schedule->fields(at);
  return settings;
}

// Twelve steps that pull the output to zero, masked before the first unless the settings say otherwise.
std::shared_ptr<nn::Sequential> train(Execution execution, PrunerSettings settings) {
  const std::shared_ptr<nn::Sequential> model = small_network();
  nn::set_execution(*model, execution);
  optim::Sgd sgd(model->parameters(), {{.lr = 0.05, .weight_decay = 1e-3}, 0.9});
  Pruner pruner(std::move(settings), model->parameters(), 12);
  sgd.add_hook(&pruner);
  pruner.start();
  sgd.enforce_masks();
  for (std::uint64_t step = 0; step < 12; ++step) {
    const Tensor y = (*model)(testing::random_tensor({19, 3, 9, 8}, Layout::lanes, 50 + step));
    ops::mean(ops::mul(y, y)).backward();
    sgd.step();
    sgd.zero_grad();
    sgd.check_masks();
  }
  return model;
}

}  // namespace

TEST_CASE("sparse training equals dense training with the same masks") {
  for (const char* criterion : {"magnitude", "movement"}) {
    CAPTURE(criterion);
    const auto dense = train(Execution::dense, half_way(settings_with(criterion, "none")));
    const auto sparse = train(Execution::sparse, half_way(settings_with(criterion, "none")));
    CHECK(nn::sparse_layers(*sparse).backward_weights == 3);
    for (std::size_t p = 0; p < dense->parameters().size(); ++p) {
      const nn::Parameter &expected = *dense->parameters()[p], &actual = *sparse->parameters()[p];
      CAPTURE(expected.name);
      CHECK(expected.nonzeros() == actual.nonzeros());
      double worst = 0.0;
      for (std::int64_t i = 0; i < expected.value.numel(); ++i) {
        worst = std::max(worst, std::abs(double{expected.value.data()[i]} - double{actual.value.data()[i]}));
      }
      // Sums in another order differ by some epsilons, and twelve steps carry that on.
      CHECK(worst <= 200 * 1.2e-7);
    }
  }
}

TEST_CASE("connections grow where the dense gradient is largest, in sparse training too") {
  const auto masks_of = [](nn::Module& model) {
    std::vector<std::vector<std::uint8_t>> masks;
    for (const nn::Parameter* p : model.parameters()) {
      if (!p->mask.dense()) masks.emplace_back(p->mask.data(), p->mask.data() + p->value.numel());
    }
    return masks;
  };
  const auto regrown = [](Execution execution) {
    PrunerSettings settings = settings_with("magnitude", "rigl");
    testing::SetFields every;
    every.numbers["every"] = 4;
    settings.regrow->fields(every);
    return train(execution, std::move(settings));
  };
  const auto dense = regrown(Execution::dense), sparse = regrown(Execution::sparse);
  CHECK(masks_of(*dense) == masks_of(*sparse));
  CHECK(masks_of(*sparse) != masks_of(*train(Execution::sparse, settings_with("magnitude", "none"))));
}
