// Attention heads and MLP neurons: what goes together, and that the network without them computes what the
// masked one did.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/modules/layer_norm.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/resize.h"
#include "framework/nn/summary.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/mean.h"
#include "framework/ops/reshape.h"
#include "framework/optim/adamw.h"
#include "framework/train/checkpoint.h"
#include "pruning/dependencies/channel_contender.h"
#include "pruning/dependencies/shrink.h"
#include "pruning/pruner.h"
#include "pruning/scopes/table.h"
#include "tests/pruning/dependencies/outputs.h"
#include "tests/pruning/dependencies/random_transformer.h"
#include "tests/pruning/dependencies/training.h"
#include "tests/pruning/random_settings.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using namespace espalier::pruning;
using testing::Batch;
using testing::check_equal;
using testing::kTransformerImage;
using testing::outputs;
using testing::random_tensor;
using testing::random_transformer;

namespace {

PrunerSettings settings_of(const char* granularity, double sparsity, const char* scope,
                           const char* criterion = "magnitude") {
  PrunerSettings settings;
  settings.sparsity = sparsity;
  settings.granularity = granularity_registry().make(settings.granularity_kind = granularity);
  settings.scope = scope_registry().make(scope);
  settings.criterion = criterion_registry().make(settings.criterion_kind = criterion);
  return settings;
}

void prune(nn::Module& model, PrunerSettings settings) {
  const ScoringData data{model, kTransformerImage, {}};
  Pruner pruner(std::move(settings), model.parameters(), 1);
  pruner.set_data(&data);
  pruner.start();
  for (nn::Parameter* p : model.parameters()) p->mask.apply_(p->value);
}

nn::Parameter& parameter(nn::Module& model, const std::string& name) {
  for (nn::Parameter* p : model.parameters()) {
    if (p->name == name) return *p;
  }
  throw std::runtime_error(name);
}

std::int64_t masked_weights(nn::Module& model) {
  std::int64_t masked = 0;
  for (const nn::Parameter* p : model.parameters()) masked += p->value.numel() - p->nonzeros();
  return masked;
}

std::shared_ptr<nn::Module> vit(double dim, double heads, double depth) {
  const auto spec = models::model_registry().make("vit");
  testing::SetFields fields;
  fields.numbers = {{"dim", dim}, {"heads", heads}, {"depth", depth}, {"mlp_ratio", 2}, {"patch", 4}};
  spec->fields(fields);
  return spec->build(kTransformerImage, 5, 1);
}

// Any parts, for six steps.
PrunerSettings draw_settings(testing::Draw& draw) {
  const std::string criterion = draw.any_of(
                        {"magnitude", "random", "movement", "taylor", "mask_gradient", "snip", "lamp"}),
                    granularity = draw.any_of({"head", "neuron", "branch", "layer"}),
                    scope = draw.any_of({"global", "global", "per_layer", "table"});
  PrunerSettings settings =
      settings_of(granularity.c_str(), 0.1 + 0.8 * draw.uniform(), scope.c_str(), criterion.c_str());
  settings.scope_kind = scope;
  if (scope == "table") {
    const std::string rows = draw.any_of({"*blocks.0.*", "*blocks.1*", "*"});
    settings.scope = std::make_unique<Table>(std::vector<Table::Row>{{rows, draw.tenths()}});
  }
  settings.rounds = draw.from_1_to(2);
  if (draw.one_in(4)) settings.exclude = {draw.any_of({"*blocks.0.*", "*.fc2.weight", "*.proj.weight"})};
  if (draw.one_in(4)) settings.control = "reinitialise";  // a permutation would break up the structures
  draw_floors(draw, settings);
  const bool at_once = settings.control != "none" && !draw.one_in(4);
  settings.schedule_kind =
      at_once ? "one_shot" : draw.any_of({"one_shot", "linear", "cubic", "iterative", "exponential"});
  settings.schedule = schedule_registry().make(settings.schedule_kind);
  testing::SetFields fields;
  fields.numbers = {{"every", 2}, {"batches", 1}, {"begin", 0.2}, {"at", at_once ? 0.0 : 0.2}};
  fields.texts["norm"] = draw.any_of({"l1", "l1", "l2"});
  settings.criterion->fields(fields);
  settings.schedule->fields(fields);
  settings.granularity->fields(fields);
  return settings;
}

const ChannelGroup& group_of(const Dependencies& dependencies, const std::string& name) {
  return *std::find_if(dependencies.groups().begin(), dependencies.groups().end(),
                       [&](const ChannelGroup& group) { return group.name == name; });
}

}  // namespace

TEST_CASE("a head is its rows of queries, keys and values, their biases, and the columns that read it") {
  const auto model = vit(12, 3, 1);
  const Dependencies d = find_dependencies(*model, kTransformerImage);
  const ChannelGroup& heads = group_of(d, "blocks.0.attn.qkv.weight");
  CHECK(heads.structure == Structure::head);
  CHECK(heads.channels == 3);
  CHECK(heads.reason.empty());
  REQUIRE(heads.members.size() == 3);
  using Positions = std::vector<std::int64_t>;
  const Positions rows = {4, 5, 6, 7, 16, 17, 18, 19, 28, 29, 30, 31};  // of head 1
  for (const Member& member : heads.members) {
    CAPTURE(member.name());
    if (member.name() == "blocks.0.attn.proj.weight") {
      CHECK(member.dimension == 1);
      CHECK(member.positions[1] == Positions{4, 5, 6, 7});
    } else {
      CHECK((member.name() == "blocks.0.attn.qkv.weight" || member.name() == "blocks.0.attn.qkv.bias"));
      CHECK(member.dimension == 0);
      CHECK(member.positions[1] == rows);
    }
  }
}

TEST_CASE("a neuron is a row of fc1 with its bias, and a column of fc2") {
  const auto model = vit(12, 3, 1);
  const Dependencies d = find_dependencies(*model, kTransformerImage);
  const ChannelGroup& neurons = group_of(d, "blocks.0.mlp.fc1.weight");
  CHECK(neurons.structure == Structure::neuron);
  CHECK(neurons.channels == 24);
  REQUIRE(neurons.members.size() == 3);
  for (const Member& member : neurons.members) {
    CHECK(member.positions[7] == std::vector<std::int64_t>{7});
    CHECK(member.dimension == (member.name() == "blocks.0.mlp.fc2.weight" ? 1 : 0));
  }
}

TEST_CASE("the width of the residual stream stays, and says why") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    const auto model = random_transformer(seed);
    const Dependencies d = find_dependencies(*model, kTransformerImage);
    for (const ChannelGroup& group : d.groups()) {
      const bool inside = group.name.find(".qkv.") != std::string::npos ||
                          group.name.find(".fc1.") != std::string::npos ||
                          group.name.find("conv_layers.0.0") != std::string::npos;
      if (!inside) CHECK_FALSE(group.reason.empty());
    }
  }
  // A norm over features holds them by itself.
  struct Net : nn::Module {
    Net() {
      norm_ = register_module("norm", std::make_shared<nn::LayerNorm>(6));
      first_ = register_module("first", std::make_shared<nn::Linear>(8, 6));
      last_ = register_module("last", std::make_shared<nn::Linear>(6, 5));
    }
    Tensor forward(const Tensor& x) override {
      const Tensor tokens = ops::reshape(x, {x.dim(0), 24, 8});
      return (*last_)(ops::mean((*norm_)((*first_)(tokens)), {1}));
    }
    std::string type_name() const override { return "Net"; }
    std::shared_ptr<nn::Module> norm_, first_, last_;
  };
  Net net;
  const Dependencies d = find_dependencies(net, kTransformerImage);
  CHECK(group_of(d, "first.weight").reason == "layer_norm in norm takes mean and variance over all features");
}

TEST_CASE("random transformers: heads and neurons that are masked are removed whole, and nothing changes") {
  const Tensor images = random_tensor({5, 3, 8, 8}, Layout::lanes, 7);
  std::int64_t removed = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const auto model = random_transformer(seed);
    Random random(seed, "sparsity");
    const char* scope = seed % 2 == 0 ? "global" : "per_layer";
    const char* criterion = seed % 3 == 0 ? "random" : "magnitude";
    if (seed % 5 != 0)
      prune(*model, settings_of("head", 0.2 + 0.7 * double{random.uniform()}, scope, criterion));
    if (seed % 5 != 1) prune(*model, settings_of("neuron", 0.9 * double{random.uniform()}, scope, criterion));
    const std::vector<float> masked = outputs(*model, images);
    const std::int64_t weights_masked = masked_weights(*model), before = model->parameter_count();
    const Shrunk shrunk = shrink(*model, kTransformerImage);
    check_equal(masked, outputs(*model, images));
    CHECK(shrunk.refusals.empty());
    CHECK(masked_weights(*model) == 0);
    CHECK(before - model->parameter_count() == weights_masked);
    removed += weights_masked;

    const auto fresh = random_transformer(seed);  // as a checkpoint is opened
    nn::resize_(*fresh, nn::resized_shapes(*model));
    train::load_model_tensors(*fresh, train::model_tensors(*model));
    CHECK(outputs(*fresh, images) == outputs(*model, images));
  }
  CHECK(removed > 20000);
}

TEST_CASE("random transformers: whatever else is masked, what is removed changes nothing") {
  const Tensor images = random_tensor({5, 3, 8, 8}, Layout::lanes, 7);
  std::int64_t folded = 0, refused = 0, smaller = 0;
  for (unsigned seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    const auto model = random_transformer(seed);
    Random random(seed, "masks");
    for (nn::Parameter* p : model->parameters()) {
      if (random.below(3) == 0) continue;
      p->mask = Mask::ones(p->value.shape());
      const std::int64_t rows = p->value.dim(0), size = p->value.numel() / rows;
      const bool columns = p->value.rank() == 2 && random.below(2) == 0;
      const std::uint32_t one_in = 2 + random.below(3);
      for (std::int64_t i = 0; i < (columns ? size : rows); ++i) {
        if (random.below(one_in) != 0) continue;
        for (std::int64_t j = 0; j < (columns ? rows : size); ++j)
          p->mask.data()[columns ? j * size + i : i * size + j] = 0;
      }
      p->mask.apply_(p->value);
    }
    const std::vector<float> masked = outputs(*model, images);
    const Shrunk shrunk = shrink(*model, kTransformerImage);
    check_equal(masked, outputs(*model, images));
    for (const nn::Parameter* p : model->parameters()) CHECK(p->mask.holds(p->value));
    folded += shrunk.folded_constants;
    refused += static_cast<std::int64_t>(shrunk.refusals.size());
    smaller += shrunk.parameters < shrunk.parameters_before;
  }
  CHECK(folded > 20);
  CHECK(refused > 20);
  CHECK(smaller > 50);
}

TEST_CASE("a head's score is the mean of its rows' root mean squares, and the lowest go") {
  const auto model = vit(12, 3, 1);
  nn::Parameter& qkv = parameter(*model, "blocks.0.attn.qkv.weight");
  std::vector<double> scores(3, 0.0);
  for (std::int64_t row = 0; row < 36; ++row) {
    double squares = 0.0;
    for (std::int64_t i = 0; i < 12; ++i) {
      const double w = double{qkv.value.data()[row * 12 + i]};
      squares += w * w;
    }
    scores[static_cast<std::size_t>(row % 12 / 4)] += std::sqrt(squares / 12.0) / 12.0;
  }
  const auto units = granularity_registry().make("head");
  const auto criterion = criterion_registry().make("magnitude");
  std::vector<Staying> staying;
  const auto contenders =
      channel_contenders(find_dependencies(*model, kTransformerImage), {&qkv}, *units, staying);
  REQUIRE(contenders.size() == 1);
  CHECK(contenders[0]->weights() == 36 * 12);
  const std::vector<float> found = contenders[0]->scores(*criterion).to_vector();
  for (std::size_t h = 0; h < 3; ++h) CHECK(double{found[h]} == doctest::Approx(scores[h]));
  PrunerSettings settings = settings_of("head", 0.34, "global");
  prune(*model, std::move(settings));
  const auto lowest = std::min_element(scores.begin(), scores.end()) - scores.begin();
  const nn::Parameter& bias = parameter(*model, "blocks.0.attn.qkv.bias");
  for (std::int64_t row = 0; row < 36; ++row) CHECK((bias.mask.data()[row] == 0) == (row % 12 / 4 == lowest));
}

TEST_CASE("random parts: masks of structures hold at every step, and sparsity is reached and not exceeded") {
  constexpr int kAccepted = 120;
  const Tensor images = random_tensor({6, 3, 8, 8}, Layout::lanes, 3);
  Tensor labels = Tensor::zeros({6}, Layout::plain, DType::i32);
  for (int i = 0; i < 6; ++i) labels.data<std::int32_t>()[i] = i % 5;
  int done = 0, refused = 0, controlled = 0;
  for (unsigned seed = 0; done < kAccepted && seed < 10 * kAccepted; ++seed) {
    testing::Draw draw(seed);
    const auto model = random_transformer(seed);
    const auto loss = [&](std::int64_t, float = 1.0f) {
      return ops::cross_entropy((*model)(images), labels);
    };
    const ScoringData data{*model, kTransformerImage, loss};
    PrunerSettings settings = draw_settings(draw);
    const std::string text = testing::describe(settings);
    CAPTURE(seed);
    CAPTURE(text);
    const double sparsity = settings.sparsity;
    const bool may_collapse = settings.on_collapse == "refuse" && settings.min_layer_density == 0.0,
               control = settings.control != "none";
    const Scope& scope = *settings.scope;
    optim::AdamW optimizer(model->parameters(), {});
    try {
      Pruner pruner(std::move(settings), model->parameters(), 6);
      pruner.set_data(&data);
      bool floored = false;
      pruner.on_event([&](const PruneEvent& event) { floored |= !event.floored_layers.empty(); });
      optimizer.add_hook(&pruner);
      optim::Ema averages(*model, 0.9);
      pruner.start();
      optimizer.enforce_masks();
      for (int step = 0; step < 6; ++step) {
        model->train();
        loss(step).backward();
        optimizer.step();
        optimizer.zero_grad();
        averages.update();
        REQUIRE_NOTHROW(optimizer.check_masks());
        REQUIRE(testing::averages_are_masked(averages, *model));
      }
      double weights = 0.0, unit_of_each = 0.0;
      for (const auto& layer : pruner.layers()) {
        weights += static_cast<double>(layer->weights());
        unit_of_each += static_cast<double>(layer->weights() / layer->units());
      }
      const double missing = testing::asked_of(pruner, scope, sparsity) - (1.0 - pruner.density());
      // Budgets are whole weights; the last unit of each may not fit in.
      CHECK(missing * weights >= -0.5 * static_cast<double>(pruner.layers().size()) - 1e-6);
      if (!floored) CHECK(missing * weights < unit_of_each + 1e-6);
      const Shrunk shrunk = shrink(*model, kTransformerImage);
      CHECK(shrunk.refusals.empty());
      controlled += control;
      ++done;
    } catch (const Error& error) {
      CAPTURE(error.what());
      CHECK(testing::is_refusal(error, may_collapse));
      ++refused;
    }
  }
  CHECK(done == kAccepted);
  CHECK(controlled > 5);
  CHECK(refused > 5);
}

TEST_CASE("an attention that has lost heads keeps their size, and counts its work by what is left") {
  const auto model = vit(12, 3, 2);
  const std::int64_t macs = nn::summary(*model, kTransformerImage).total.macs;
  PrunerSettings settings = settings_of("head", 0.34, "per_layer");
  prune(*model, std::move(settings));
  const Shrunk shrunk = shrink(*model, kTransformerImage);
  CHECK(parameter(*model, "blocks.1.attn.qkv.weight").value.shape() == Shape{24, 12});
  CHECK(parameter(*model, "blocks.1.attn.qkv.bias").value.shape() == Shape{24});
  CHECK(parameter(*model, "blocks.1.attn.proj.weight").value.shape() == Shape{12, 8});
  CHECK(shrunk.layers.front().name == "blocks.0.attn.qkv.weight");
  // A third of the two attentions: 5 tokens, each of 4 * 12 * 12 weights, and two products of 5 * 5 * 12.
  CHECK(macs - nn::summary(*model, kTransformerImage).total.macs ==
        2 * (5 * 4 * 12 * 12 + 2 * 5 * 5 * 12) / 3);
}

TEST_CASE("masks of heads and neurons hold at every step, and training goes on in the smaller network") {
  const Batch batch;
  for (unsigned seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    const auto model = random_transformer(seed);
    testing::Training<optim::AdamW, optim::AdamWSettings> training(*model, {});
    const ScoringData data{*model, kTransformerImage, {}};
    PrunerSettings heads = settings_of("head", 0.5, "per_layer", seed % 2 == 0 ? "taylor" : "magnitude");
    PrunerSettings neurons = settings_of("neuron", 0.5, "global", seed % 2 == 0 ? "magnitude" : "taylor");
    for (PrunerSettings* settings : {&heads, &neurons}) {
      settings->schedule = schedule_registry().make(settings->schedule_kind = "linear");
      testing::SetFields fields;
      fields.numbers = {{"begin", 0.2}, {"end", 0.8}, {"every", 1}};
      settings->schedule->fields(fields);
    }
    Pruner first(std::move(heads), model->parameters(), 8),
        second(std::move(neurons), model->parameters(), 8);
    for (Pruner* pruner : {&first, &second}) {
      pruner->set_data(&data);
      training.optimizer.add_hook(pruner);
      pruner->start();
    }
    training.steps(8, batch);
    CHECK(second.density() < 0.6);

    const auto twin = random_transformer(seed);
    // AdamW divides by moments that are as small as rounding.
    check_goes_on_alike(training, *twin, kTransformerImage, batch, 5e-3);
  }
}

TEST_CASE("heads and neurons are refused where there are none, and where they have to stay") {
  const auto resnet = models::model_registry().make("resnet20")->build({3, 32, 32}, 10, 1);
  const auto refused = [](nn::Module& model, const Shape& image, PrunerSettings settings, const char* says) {
    const ScoringData data{model, image, {}};
    CHECK_THROWS_WITH_AS(
        [&] {
          Pruner pruner(std::move(settings), model.parameters(), 1);
          pruner.set_data(&data);
        }(),
        doctest::Contains(says), Error);
  };
  refused(*resnet, {3, 32, 32}, settings_of("head", 0.5, "global"),
          "granularity 'head' finds nothing that can go: the network has none");
  refused(*resnet, {3, 32, 32}, settings_of("neuron", 0.5, "global"),
          "10 neurons of fc.weight: it is the model's output");
  const auto model = vit(12, 3, 1);
  PrunerSettings regrowing = settings_of("head", 0.5, "global");
  regrowing.regrow = regrow_registry().make(regrowing.regrow_kind = "set");
  refused(*model, kTransformerImage, std::move(regrowing), "[prune] regrowth with dependencies");
  PrunerSettings partly = settings_of("head", 0.5, "global");
  partly.include = {"blocks.0.mlp.fc1.weight"};
  refused(*model, kTransformerImage, std::move(partly), "the network has none");
}
