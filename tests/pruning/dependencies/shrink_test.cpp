// Removed equals masked: the masked network, run as it is, is the truth.
#include "pruning/dependencies/shrink.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/resize.h"
#include "framework/optim/sgd.h"
#include "framework/train/checkpoint.h"
#include "models/registry.h"
#include "pruning/pruner.h"
#include "tests/pruning/dependencies/outputs.h"
#include "tests/pruning/dependencies/random_network.h"
#include "tests/pruning/dependencies/training.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using testing::Batch;
using testing::check_equal;
using testing::outputs;
using testing::random_tensor;
using testing::RandomNetwork;

namespace {

void prune_with_dependencies(nn::Module& model, const Shape& image, double sparsity, const char* scope,
                             const char* criterion = "magnitude", std::vector<std::string> exclude = {}) {
  PrunerSettings settings;
  settings.sparsity = sparsity;
  settings.dependencies = true;
  settings.exclude = std::move(exclude);
  settings.granularity = granularity_registry().make(settings.granularity_kind = "filter");
  settings.scope = scope_registry().make(scope);
  settings.criterion = criterion_registry().make(criterion);
  const ScoringData data{model, image, {}};
  Pruner pruner(std::move(settings), model.parameters(), 1);
  pruner.set_data(&data);
  pruner.start();
  for (nn::Parameter* p : model.parameters()) p->mask.apply_(p->value);
}

// Every weight of the model that a random choice masks: rows or columns of weights, single biases and norms.
void mask_at_random(nn::Module& model, std::uint64_t seed) {
  Random random(seed, "masks");
  for (nn::Parameter* p : model.parameters()) {
    const std::uint32_t kind = random.below(4);
    if (kind == 0) continue;
    p->mask = Mask::ones(p->value.shape());
    const Shape& shape = p->value.shape();
    const std::int64_t rows = shape[0], columns = shape.rank() > 1 ? shape[1] : 1,
                       taps = shape.numel() / (rows * columns);
    for (std::int64_t r = 0; r < rows; ++r) {
      const bool row = kind != 2 && random.below(3) == 0;
      for (std::int64_t c = 0; c < columns; ++c) {
        const bool column =
            kind == 2 && columns > 1 && Random(seed, p->name, static_cast<std::uint64_t>(c)).below(3) == 0;
        if (row || column) std::fill_n(p->mask.data() + (r * columns + c) * taps, taps, std::uint8_t{0});
      }
    }
    p->mask.apply_(p->value);
  }
}

std::int64_t masked_weights(nn::Module& model) {
  std::int64_t masked = 0;
  for (const nn::Parameter* p : model.parameters()) masked += p->value.numel() - p->nonzeros();
  return masked;
}

std::shared_ptr<nn::Module> build(const std::string& name, std::int64_t width,
                                  const char* shortcut = nullptr) {
  const auto spec = models::model_registry().make(name);
  testing::SetFields fields;
  fields.numbers["width"] = static_cast<double>(width);
  if (shortcut != nullptr) fields.texts["shortcut"] = shortcut;
  spec->fields(fields);
  return spec->build({3, 32, 32}, 10, 1);
}

}  // namespace

TEST_CASE("random networks: what dependencies mask is removed whole, and nothing changes") {
  const Tensor images = random_tensor({5, 3, 8, 8}, Layout::lanes, 7);
  std::int64_t removed = 0;
  for (unsigned seed = 0; seed < 250; ++seed) {
    CAPTURE(seed);
    RandomNetwork network(seed);
    Random random(seed, "sparsity");
    const double sparsity = 0.1 + 0.8 * double{random.uniform()};
    prune_with_dependencies(network, RandomNetwork::kImage, sparsity, seed % 2 == 0 ? "global" : "per_layer",
                            seed % 3 == 0 ? "random" : "magnitude");
    const std::vector<float> masked = outputs(network, images);
    const std::int64_t weights_masked = masked_weights(network), before = network.parameter_count();
    const Shrunk shrunk = shrink(network, RandomNetwork::kImage);
    check_equal(masked, outputs(network, images));
    CHECK(shrunk.refusals.empty());
    CHECK(shrunk.folded_constants == 0);
    CHECK(masked_weights(network) == 0);
    CHECK(before - network.parameter_count() == weights_masked);
    removed += weights_masked;
  }
  CHECK(removed > 10000);
}

TEST_CASE("random networks: whatever else is masked, what is removed changes nothing") {
  const Tensor images = random_tensor({5, 3, 8, 8}, Layout::lanes, 7);
  std::int64_t folded = 0, refused = 0, smaller = 0;
  for (unsigned seed = 0; seed < 250; ++seed) {
    CAPTURE(seed);
    RandomNetwork network(seed);
    mask_at_random(network, seed);
    const std::vector<float> masked = outputs(network, images);
    const Shrunk shrunk = shrink(network, RandomNetwork::kImage);
    check_equal(masked, outputs(network, images));
    for (const nn::Parameter* p : network.parameters()) CHECK(p->mask.holds(p->value));
    for (const Shrunk::Refusal& refusal : shrunk.refusals) CHECK_FALSE(refusal.reason.empty());
    folded += shrunk.folded_constants;
    refused += static_cast<std::int64_t>(shrunk.refusals.size());
    smaller += shrunk.parameters < shrunk.parameters_before;
  }
  CHECK(folded > 20);
  CHECK(refused > 20);
  CHECK(smaller > 100);
}

TEST_CASE("training goes on as it would have: moments and averages shrink with the network") {
  const Batch batch;
  optim::SgdSettings settings;
  settings.lr = 0.01;
  settings.momentum = 0.9;
  for (unsigned seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    RandomNetwork network(seed);
    testing::Training<optim::Sgd, optim::SgdSettings> training(network, settings);
    training.steps(1, batch);
    prune_with_dependencies(network, RandomNetwork::kImage, 0.4, "per_layer");
    training.optimizer.enforce_masks();
    training.steps(1, batch);

    RandomNetwork twin(seed);
    // Rounding grows through the norms of few images.
    check_goes_on_alike(training, twin, RandomNetwork::kImage, batch, 2e-3);
  }
}

TEST_CASE("every model shrinks, with and without padded shortcuts") {
  const Tensor images = random_tensor({2, 3, 32, 32}, Layout::lanes, 7);
  for (const std::string name : {"vgg11", "resnet18", "resnet20"}) {
    CAPTURE(name);
    const auto model = build(name, 8);
    prune_with_dependencies(*model, {3, 32, 32}, 0.5, "per_layer");
    const std::vector<float> masked = outputs(*model, images);
    const Shrunk shrunk = shrink(*model, {3, 32, 32});
    check_equal(masked, outputs(*model, images));
    CHECK(masked_weights(*model) == 0);
    CHECK(shrunk.parameters < shrunk.parameters_before / 2);
  }
}

TEST_CASE("half of the filters of VGG leave a quarter of the convolutions, and odd widths stay as they are") {
  const auto model = build("vgg11", 10);
  prune_with_dependencies(*model, {3, 32, 32}, 0.5, "per_layer");
  const Shrunk shrunk = shrink(*model, {3, 32, 32});
  CHECK(shrunk.layers.size() == 8);
  CHECK(shrunk.layers[0].filters == 5);
  CHECK(shrunk.layers[1].filters == 10);
  for (const nn::Parameter* p : model->parameters()) {
    if (p->name == "features.4.weight") CHECK(p->value.shape() == Shape{10, 5, 3, 3});
    if (p->name == "classifier.weight") CHECK(p->value.shape() == Shape{10, 40});
  }
}

TEST_CASE(
    "a filter that is masked alone goes where its constant can be added to what follows, else it says why") {
  // conv (bias, no norm) -> relu -> linear over the mean: the constant relu(bias) goes into the linear bias.
  struct Net : nn::Module {
    explicit Net(bool second_conv) {
      conv =
          register_module("conv", std::make_shared<nn::Conv2d>(3, 4, 3, nn::Conv2d::Options{.padding = 1}));
      if (second_conv)
        next =
            register_module("next", std::make_shared<nn::Conv2d>(4, 4, 3, nn::Conv2d::Options{.padding = 1}));
      fc = register_module("fc", std::make_shared<nn::Linear>(4, 2));
      nn::initialise(*this, 1);
    }
    Tensor forward(const Tensor& x) override {
      Tensor y = ops::relu((*conv)(x));
      if (next != nullptr) y = (*next)(y);
      return (*fc)(ops::global_avg_pool(y));
    }
    std::string type_name() const override { return "Net"; }
    std::shared_ptr<nn::Conv2d> conv, next;
    std::shared_ptr<nn::Linear> fc;
  };
  const auto mask_first_filter = [](Net& net, float bias) {
    net.conv->weight().mask = Mask::ones({4, 3, 3, 3});
    std::fill_n(net.conv->weight().mask.data(), 27, std::uint8_t{0});
    net.conv->weight().mask.apply_(net.conv->weight().value);
    net.parameters()[1]->value.data()[0] = bias;
  };
  SUBCASE("folded") {
    Net net(false);
    mask_first_filter(net, 0.5f);
    const float bias = net.parameters()[3]->value.data()[1], weight = net.parameters()[2]->value.data()[4];
    const Shrunk shrunk = shrink(net, {3, 8, 8});
    CHECK(shrunk.folded_constants == 1);
    CHECK(net.parameters()[0]->value.dim(0) == 3);
    CHECK(net.parameters()[0]->mask.dense());
    CHECK(net.parameters()[3]->value.data()[1] == doctest::Approx(bias + 0.5f * weight));
  }
  SUBCASE("silent behind ReLU") {
    Net net(true);
    mask_first_filter(net, -0.5f);
    CHECK(shrink(net, {3, 8, 8}).folded_constants == 0);
    CHECK(net.parameters()[0]->value.dim(0) == 3);
  }
  SUBCASE("refused where zeros surround it") {
    Net net(true);
    mask_first_filter(net, 0.5f);
    const Shrunk shrunk = shrink(net, {3, 8, 8});
    REQUIRE(shrunk.refusals.size() == 1);
    CHECK(shrunk.refusals[0].layer == "conv.weight");
    CHECK(shrunk.refusals[0].reason == "it still emits 0.5, which the padding of conv2d in next does not");
    CHECK(net.parameters()[0]->value.dim(0) == 4);
  }
}

TEST_CASE("networks whose outputs are no numbers are not called equal") {
  RandomNetwork network(3);
  for (nn::Parameter* p : network.parameters()) {
    if (p->kind == nn::ParameterKind::bias) std::fill_n(p->value.data(), p->value.numel(), NAN);
  }
  CHECK_THROWS_WITH_AS(shrink(network, {3, 8, 8}), doctest::Contains("cannot be compared"), Error);
}

TEST_CASE("the outputs stay, and a layer that has lost everything keeps a channel") {
  RandomNetwork network(3);
  for (nn::Parameter* p : network.parameters()) {
    p->mask = Mask::from(Tensor::zeros(p->value.shape(), Layout::plain, DType::u8));
    p->mask.apply_(p->value);
  }
  const Shrunk shrunk = shrink(network, RandomNetwork::kImage);
  for (const nn::Parameter* p : network.parameters()) CHECK(p->value.numel() > 0);
  CHECK(outputs(network, random_tensor({1, 3, 8, 8}, Layout::lanes, 1)).size() == 5);
  CHECK(shrunk.parameters < shrunk.parameters_before);
  CHECK_FALSE(shrunk.refusals.empty());
}

TEST_CASE("a narrower model is rebuilt from its shapes") {
  const auto model = build("resnet20", 8), fresh = build("resnet20", 8);
  CHECK(nn::resized_shapes(*model).empty());
  prune_with_dependencies(*model, {3, 32, 32}, 0.4, "global");
  shrink(*model, {3, 32, 32});
  nn::resize_(*fresh, nn::resized_shapes(*model));
  train::load_model_tensors(*fresh, train::model_tensors(*model));
  CHECK(nn::resized_shapes(*fresh) == nn::resized_shapes(*model));
  const Tensor images = random_tensor({3, 3, 32, 32}, Layout::lanes, 7);
  CHECK(outputs(*fresh, images) == outputs(*model, images));
  CHECK_THROWS_WITH_AS(nn::resize_(*fresh, {{"conv1.weight", {800, 3, 3, 3}}}),
                       doctest::Contains("cannot become [800, 3, 3, 3]"), Error);
  CHECK_THROWS_WITH_AS(nn::resize_(*fresh, {{"conv9.weight", {1}}}), doctest::Contains("conv9.weight"),
                       Error);
}
