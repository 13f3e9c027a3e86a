// Training whose convolutions multiply kept weights only is the training that multiplies zeros too.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/autograd/node.h"
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
#include "tests/support/keep_largest.h"
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

using Gradients = std::function<void(std::span<nn::Parameter* const>)>;

// Twelve steps that pull the output to zero, masked before the first unless the settings say otherwise.
// `look` sees each step's gradients, which are of two batches.
std::shared_ptr<nn::Sequential> train(Execution execution, PrunerSettings settings,
                                      const Gradients& look = nullptr) {
  const std::shared_ptr<nn::Sequential> model = small_network();
  nn::set_execution(*model, execution);
  optim::Sgd sgd(model->parameters(), {{.lr = 0.05, .weight_decay = 1e-3}, 0.9});
  Pruner pruner(std::move(settings), model->parameters(), 12);
  sgd.add_hook(&pruner);
  pruner.start();
  sgd.enforce_masks();
  for (std::uint64_t step = 0; step < 12; ++step) {
    for (const std::uint64_t seed : {50 + step, 90 + step}) {
      const Tensor y = (*model)(testing::random_tensor({19, 3, 9, 8}, Layout::lanes, seed));
      ops::mean(ops::mul(y, y)).backward();
    }
    if (look != nullptr) look(sgd.parameters());
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
        testing::keep_largest(worst,
                              std::abs(double{expected.value.data()[i]} - double{actual.value.data()[i]}));
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

TEST_CASE("weights and gradients that lie as kept values make the same step as those of all places") {
  for (const std::string granularity : {"element", "block"}) {
    CAPTURE(granularity);
    const auto of_granularity = [&] {
      PrunerSettings settings = half_way(settings_with("magnitude", "none"));
      settings.granularity = granularity_registry().make(settings.granularity_kind = granularity);
      if (granularity == "block") settings.include = {"3.weight"};  // the others divide into no blocks
      return settings;
    };
    int kept = 0;
    const auto count = [&](std::span<nn::Parameter* const> parameters) {
      for (const nn::Parameter* p : parameters) {
        if (!p->kept.has_gradient()) continue;
        ++kept;
        CHECK_FALSE(p->value.grad().defined());
        CHECK(p->kept.values.numel() <= p->value.numel() / 4);
        CHECK(p->value.away());
        CHECK(p->mask.holds(p->grad()));
      }
    };
    const auto make_whole = [](std::span<nn::Parameter* const> parameters) {
      for (nn::Parameter* p : parameters) p->make_gradient_whole();
    };
    const auto read = [](std::span<nn::Parameter* const> parameters) {
      for (nn::Parameter* p : parameters) CHECK(p->mask.holds(p->value));
    };
    const auto of_kept = train(Execution::sparse, of_granularity(), count);
    CHECK(kept == 6 * (granularity == "block" ? 1 : 3));
    for (const Gradients& look : {Gradients(make_whole), Gradients(read)}) {
      const auto other = train(Execution::sparse, of_granularity(), look);
      for (std::size_t p = 0; p < of_kept->parameters().size(); ++p) {
        CAPTURE(of_kept->parameters()[p]->name);
        CHECK(of_kept->parameters()[p]->value.to_vector() == other->parameters()[p]->value.to_vector());
      }
    }
  }
}

TEST_CASE("pruned weights take no memory while every pass is sparse") {
  const auto layer =
      std::make_shared<nn::Conv2d>(64, 64, 3, nn::Conv2d::Options{.padding = 1, .bias = false});
  nn::initialise(*layer, 3);
  nn::set_execution(*layer, Execution::sparse);
  nn::Parameter& weight = *layer->parameters()[0];
  optim::Sgd sgd(layer->parameters(), {{.lr = 0.05}, 0.9});
  Pruner pruner(settings_with("magnitude", "none"), layer->parameters(), 12);
  pruner.start();
  sgd.enforce_masks();
  const auto step = [&] {
    Tensor x = testing::random_tensor({16, 64, 4, 4}, Layout::lanes, 5);
    x.set_requires_grad();
    const Tensor y = (*layer)(x);
    ops::mean(ops::mul(y, y)).backward();
    sgd.step();
    sgd.zero_grad();
  };
  step();
  CHECK(weight.value.away());
  // Weights, their gradient and momentum: at the kept places each, and nothing that is of the whole size.
  const std::size_t away = allocator_stats().in_use_bytes;
  const std::vector<float> whole = weight.value.to_vector();
  CHECK(allocator_stats().in_use_bytes - away == static_cast<std::size_t>(weight.value.numel()) * 4);
  CHECK(std::count(whole.begin(), whole.end(), 0.0f) >= weight.value.numel() * 8 / 10);

  // Whoever reads it may do so again soon: it stays for a while. Evaluation reads the kept values as they
  // lie.
  step();
  CHECK_FALSE(weight.value.away());
  for (int i = 0; i < 100 && !weight.value.away(); ++i) step();
  REQUIRE(weight.value.away());
  {
    const NoGrad no_grad;
    (*layer)(testing::random_tensor({16, 64, 4, 4}, Layout::lanes, 5));
  }
  CHECK(weight.value.away());
}

TEST_CASE("gradients survive a change of the mask between two batches of a step") {
  const std::shared_ptr<nn::Sequential> model = small_network();
  nn::set_execution(*model, Execution::sparse);
  optim::Sgd sgd(model->parameters(), {{.lr = 0.05}, 0.9});
  Pruner pruner(settings_with("magnitude", "none"), model->parameters(), 12);
  pruner.start();
  sgd.enforce_masks();
  nn::Parameter& weight = *model->parameters()[0];
  const auto run = [&](std::uint64_t seed) {
    const Tensor y = (*model)(testing::random_tensor({19, 3, 9, 8}, Layout::lanes, seed));
    ops::mean(ops::mul(y, y)).backward();
    return weight.grad().to_vector();
  };
  const std::vector<float> first = run(1);
  std::int64_t place = 0;
  while (weight.mask.bytes().data<std::uint8_t>()[place] == 0) ++place;
  REQUIRE(first[static_cast<std::size_t>(place)] != 0.0f);
  weight.mask.data()[place] = 0;
  const std::vector<float> both = run(2);
  CHECK(both[static_cast<std::size_t>(place)] == first[static_cast<std::size_t>(place)]);
  sgd.step();
  CHECK(weight.value.data()[place] == 0.0f);
  CHECK_NOTHROW(sgd.check_masks());
  sgd.zero_grad();
  CHECK_FALSE(weight.has_gradient());
}
