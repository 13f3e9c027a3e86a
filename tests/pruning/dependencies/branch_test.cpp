// Whole residual branches: what is one, that a masked one adds exactly 0, and that the network without it
// computes the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/resize.h"
#include "framework/ops/add.h"
#include "framework/ops/concat.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/mul.h"
#include "framework/ops/relu.h"
#include "framework/optim/adamw.h"
#include "framework/train/checkpoint.h"
#include "pruning/dependencies/branches.h"
#include "pruning/dependencies/shrink.h"
#include "pruning/pruner.h"
#include "tests/pruning/dependencies/outputs.h"
#include "tests/pruning/dependencies/random_network.h"
#include "tests/pruning/dependencies/random_transformer.h"
#include "tests/pruning/dependencies/training.h"
#include "tests/pruning/dependencies/wired_network.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using namespace espalier::pruning;
using testing::Batch;
using testing::check_equal;
using testing::kTransformerImage;
using testing::outputs;
using testing::random_tensor;
using testing::random_transformer;
using testing::RandomNetwork;

namespace {

std::shared_ptr<nn::Module> narrow(const char* kind, unsigned seed) {
  const auto spec = models::model_registry().make(kind);
  testing::SetFields fields;
  fields.numbers["width"] = 4;
  fields.texts["shortcut"] = seed % 2 == 0 ? "subsample" : "projection";
  spec->fields(fields);
  auto model = spec->build(kTransformerImage, 5, seed);
  // Norms as training leaves them.
  Random random(seed, "norms");
  for (nn::Parameter* p : model->parameters()) {
    if (p->kind != nn::ParameterKind::norm) continue;
    for (std::int64_t i = 0; i < p->value.numel(); ++i) p->value.data()[i] += 0.3f * random.normal();
  }
  return model;
}

// Transformers and ResNets, by turns.
std::shared_ptr<nn::Module> any_model(unsigned seed) {
  return seed % 3 == 0 ? narrow("resnet20", seed) : random_transformer(seed);
}

PrunerSettings settings_of(const char* granularity, double sparsity, const char* criterion = "magnitude") {
  PrunerSettings settings;
  settings.sparsity = sparsity;
  settings.granularity = granularity_registry().make(settings.granularity_kind = granularity);
  settings.criterion = criterion_registry().make(settings.criterion_kind = criterion);
  return settings;
}

void prune(nn::Module& model, PrunerSettings settings, const Shape& image = kTransformerImage) {
  const ScoringData data{model, image, {}};
  Pruner pruner(std::move(settings), model.parameters(), 1);
  pruner.set_data(&data);
  pruner.start();
  for (nn::Parameter* p : model.parameters()) p->mask.apply_(p->value);
}

std::vector<std::string> names_of(const std::vector<ResidualBranch>& branches) {
  std::vector<std::string> names;
  for (const ResidualBranch& branch : branches) names.push_back(branch.name);
  return names;
}

}  // namespace

TEST_CASE("a transformer's branches are its attentions and MLPs, a ResNet's its blocks") {
  using Names = std::vector<std::string>;
  for (const char* kind : {"vit", "cct"}) {
    CAPTURE(kind);
    const auto spec = models::model_registry().make(kind);
    testing::SetFields fields;
    fields.numbers = {{"dim", 8}, {"heads", 2}, {"depth", 2}};
    spec->fields(fields);
    const auto model = spec->build(kTransformerImage, 5, 1);
    const std::string blocks = kind == std::string("vit") ? "blocks." : "classifier.blocks.";
    const std::vector<ResidualBranch> branches = find_branches(graph::trace(*model, kTransformerImage));
    CHECK(names_of(branches) ==
          Names{blocks + "0.attn", blocks + "0.mlp", blocks + "1.attn", blocks + "1.mlp"});
    for (const ResidualBranch& branch : branches) {
      CHECK(branch.reason.empty());
      CHECK(branch.block == blocks + branch.name[blocks.size()]);
      CHECK(branch.last.back()->name.ends_with(".bias"));
    }
    // The compact transformer adds its MLP to what the norm gives: the norm stays.
    const std::size_t with_norm = 6;
    CHECK(branches[1].parameters.size() == (kind == std::string("vit") ? with_norm : with_norm - 2));
  }
  const auto resnet = narrow("resnet20", 0);
  const std::vector<ResidualBranch> blocks = find_branches(graph::trace(*resnet, kTransformerImage));
  REQUIRE(blocks.size() == 9);
  CHECK(blocks[0].name == "layer1.0");
  CHECK(blocks[0].reason.empty());
  CHECK(blocks[0].parameters.size() == 6);
  CHECK(blocks[3].name == "layer2.0");
  CHECK(blocks[3].reason == "its shortcut is no identity: subsample in layer2.0 makes it");
  const auto projecting = narrow("resnet20", 1);
  CHECK(find_branches(graph::trace(*projecting, kTransformerImage))[6].reason ==
        "its shortcut is no identity: batch_norm in layer3.0.downsample.1 makes it");
}

TEST_CASE("a branch that shares with others, or that no mask makes 0, stays with the reason") {
  using testing::WiredNetwork;
  using Call = WiredNetwork::Call;
  const struct {
    const char* reason;
    WiredNetwork::Wiring wiring;  // the branch is added to what the stem gives
  } table[] = {
      {"it reads more than what it is added to",
       [](const Call& call, const Tensor& x) {
         const Tensor stream = call("stem", x);
         return ops::add(stream, ops::mul(call("first", stream), call("gate", x)));
       }},
      {"it ends in relu, which a mask cannot silence",
       [](const Call& call, const Tensor& x) {
         const Tensor stream = call("stem", x);
         return ops::add(stream, ops::relu(call("first", stream)));
       }},
      {"concat uses a part of it",
       [](const Call& call, const Tensor& x) {
         const Tensor stream = call("stem", x), inside = call("first", stream);
         return ops::concat({ops::add(stream, call("last", inside)), inside}, 1);
       }},
      {"conv2d in first uses a part of it",  // the weight
       [](const Call& call, const Tensor& x) {
         const Tensor stream = call("stem", x);
         return call("first", ops::add(stream, call("first", stream)));
       }},
      {"the model gives a part of it",
       [](const Call& call, const Tensor& x) {
         const Tensor stream = call("stem", x), inside = call("first", stream);
         static_cast<void>(ops::add(stream, call("last", inside)));  // and nobody reads the sum
         return inside;
       }},
      {"",
       [](const Call& call, const Tensor& x) {
         const Tensor stream = call("stem", x);
         return ops::add(stream, call("last", ops::relu(call("first", stream))));
       }},
  };
  const auto conv = [](std::int64_t in) {
    return std::make_shared<nn::Conv2d>(in, 4, 3, nn::Conv2d::Options{.padding = 1});
  };
  for (const auto& row : table) {
    CAPTURE(row.reason);
    WiredNetwork network({{"stem", conv(3)}, {"gate", conv(3)}, {"first", conv(4)}, {"last", conv(4)}},
                         row.wiring);
    const std::vector<ResidualBranch> branches = find_branches(graph::trace(network, kTransformerImage));
    REQUIRE(branches.size() == 1);
    CHECK(branches[0].reason == row.reason);
  }
}

TEST_CASE(
    "random models: masked branches are dropped, with heads and neurons gone as well, and nothing changes") {
  const Tensor images = random_tensor({5, 3, 8, 8}, Layout::lanes, 7);
  std::size_t dropped = 0, narrowed = 0;
  for (unsigned seed = 0; seed < 240; ++seed) {
    CAPTURE(seed);
    const auto model = any_model(seed);
    Random random(seed, "sparsity");
    if (seed % 3 == 1) {
      prune(*model, settings_of("head", 0.7 * double{random.uniform()}));
      prune(*model, settings_of("neuron", 0.7 * double{random.uniform()}));
    }
    const double sparsity = 0.2 + 0.8 * double{random.uniform()};
    prune(*model,
          settings_of(seed % 2 == 0 ? "branch" : "layer", sparsity, seed % 4 == 0 ? "random" : "magnitude"));
    // Exactly 0, whatever is inside.
    const std::vector<float> masked = outputs(*model, images);
    for (const ResidualBranch& branch : find_branches(graph::trace(*model, kTransformerImage))) {
      if (!branch.silent()) continue;
      for (nn::Parameter* p : branch.parameters) CHECK(p->nonzeros() == 0);
    }
    const Shrunk shrunk = shrink(*model, kTransformerImage);
    check_equal(masked, outputs(*model, images));
    CHECK(shrunk.refusals.empty());
    for (const nn::Parameter* p : model->parameters()) CHECK(p->mask.dense());
    dropped += shrunk.branches.size();
    narrowed += !shrunk.layers.empty();

    const auto fresh = any_model(seed);  // as a checkpoint is opened
    for (const std::string& branch : nn::dropped_branches(*model)) CHECK(nn::drop_branch_(*fresh, branch));
    nn::resize_(*fresh, nn::resized_shapes(*model));
    train::load_model_tensors(*fresh, train::model_tensors(*model));
    CHECK(nn::dropped_branches(*fresh) == shrunk.branches);
    CHECK(outputs(*fresh, images) == outputs(*model, images));
  }
  CHECK(dropped > 200);
  CHECK(narrowed > 30);
}

TEST_CASE("masks of branches hold at every step, and training goes on without the branches") {
  const Batch batch;
  for (unsigned seed = 0; seed < 9; ++seed) {
    CAPTURE(seed);
    const auto model = any_model(seed);
    testing::Training<optim::AdamW, optim::AdamWSettings> training(*model, {});
    const auto loss = [&](std::int64_t, float) {
      return ops::cross_entropy((*model)(batch.images), batch.labels);
    };
    const ScoringData data{*model, kTransformerImage, loss};
    const char* criterion = seed % 3 == 1 ? "mask_gradient" : seed % 3 == 2 ? "taylor" : "magnitude";
    PrunerSettings settings = settings_of(seed % 2 == 0 ? "branch" : "layer", 0.6, criterion);
    settings.schedule = schedule_registry().make(settings.schedule_kind = "linear");
    testing::SetFields fields;
    fields.numbers = {{"begin", 0.2}, {"end", 0.8}, {"every", 1}};
    settings.schedule->fields(fields);
    Pruner pruner(std::move(settings), model->parameters(), 6);
    pruner.set_data(&data);
    training.optimizer.add_hook(&pruner);
    pruner.start();
    training.steps(6, batch);

    const auto twin = any_model(seed);
    // AdamW divides by moments that are as small as rounding.
    const Shrunk shrunk = check_goes_on_alike(training, *twin, kTransformerImage, batch, 1e-2);
    CHECK(shrunk.branches.empty() == (pruner.density() == 1.0));
  }
}

TEST_CASE("the branch with the least mean score goes first, as far as the weights allow") {
  const auto model = narrow("resnet20", 0);
  for (nn::Parameter* p : model->parameters()) {
    if (p->kind == nn::ParameterKind::weight && p->name.starts_with("layer3.1."))
      for (std::int64_t i = 0; i < p->value.numel(); ++i) p->value.data()[i] *= 1e-3f;
  }
  // Three blocks of 288 weights, two of 1152 and two of 4608 can go: 4608 are 37.2% of them.
  prune(*model, settings_of("branch", 0.38));
  const Shrunk shrunk = shrink(*model, kTransformerImage);
  CHECK(shrunk.branches == std::vector<std::string>{"layer3.1"});
  CHECK(nn::dropped_branches(*model) == shrunk.branches);
}

TEST_CASE("a branch whose module cannot do without it stays, as narrow as it gets, and says so") {
  const Tensor images = random_tensor({5, 3, 8, 8}, Layout::lanes, 7);
  int refused = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    RandomNetwork network(seed);
    try {
      prune(network, settings_of("branch", 1.0), RandomNetwork::kImage);
    } catch (const Error&) {
      continue;  // it has none
    }
    const std::vector<float> masked = outputs(network, images);
    const Shrunk shrunk = shrink(network, RandomNetwork::kImage);
    check_equal(masked, outputs(network, images));
    CHECK(shrunk.branches.empty());
    refused +=
        std::any_of(shrunk.refusals.begin(), shrunk.refusals.end(), [](const Shrunk::Refusal& refusal) {
          return refusal.structure == Structure::branch &&
                 refusal.reason == "the module that adds it cannot do without it";
        });
  }
  CHECK(refused > 5);
}

TEST_CASE("branches that have to stay are named with their reason") {
  const auto staying = [](nn::Module& model, PrunerSettings settings) {
    const ScoringData data{model, kTransformerImage, {}};
    Pruner pruner(std::move(settings), model.parameters(), 1);
    pruner.set_data(&data);
    std::vector<std::string> lines;
    for (const Staying& s : pruner.staying())
      lines.push_back(fmt::format("{} {}: {}", counted(s.count, s.structure), s.layer, s.reason));
    return lines;
  };
  const auto resnet = narrow("resnet20", 0);
  CHECK(staying(*resnet, settings_of("branch", 0.5)) ==
        std::vector<std::string>{
            "1 branch layer2.0: its shortcut is no identity: subsample in layer2.0 makes it",
            "1 branch layer3.0: its shortcut is no identity: subsample in layer3.0 makes it"});
  PrunerSettings partly = settings_of("layer", 0.5);
  partly.exclude = {"layer1.1.conv2.weight"};
  CHECK(staying(*resnet, std::move(partly)).front() ==
        "1 layer layer1.1: layer1.1.conv2.weight goes with it, and is not among those to prune");
  const auto vgg = models::model_registry().make("vgg11")->build({3, 32, 32}, 5, 1);
  const ScoringData data{*vgg, Shape({3, 32, 32}), {}};
  Pruner pruner(settings_of("branch", 0.5), vgg->parameters(), 1);
  CHECK_THROWS_WITH_AS(
      pruner.set_data(&data),
      doctest::Contains("granularity 'branch' finds nothing that can go: the network has none"), Error);
  CHECK_FALSE(nn::drop_branch_(*resnet, "layer2.0"));
  CHECK_FALSE(nn::drop_branch_(*resnet, "layer9.0"));
}
