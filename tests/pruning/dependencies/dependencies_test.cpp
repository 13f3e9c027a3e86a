#include "pruning/dependencies/dependencies.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "framework/core/error.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/ops/add.h"
#include "framework/ops/flatten.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/ops/matmul.h"
#include "framework/ops/mul.h"
#include "framework/ops/reshape.h"
#include "framework/ops/slice.h"
#include "framework/ops/softmax.h"
#include "framework/ops/sum.h"
#include "models/registry.h"
#include "pruning/pruner.h"
#include "tests/pruning/dependencies/wired_network.h"

using namespace espalier;
using namespace espalier::pruning;

namespace {

using Members = std::vector<std::string>;  // "conv1.weight:0"

Members members_of(const ChannelGroup& group) {
  Members names;
  for (const Member& member : group.members)
    names.push_back(fmt::format("{}:{}", member.name(), member.dimension));
  return names;
}

std::vector<ChannelGroup> groups_of_filters(const Dependencies& dependencies, const std::string& weight) {
  std::vector<ChannelGroup> found;
  for (const ChannelGroup& group : dependencies.groups()) {
    for (const Member& member : group.members) {
      if (member.filters() && member.name() == weight) found.push_back(group);
    }
  }
  return found;
}

bool has(const ChannelGroup& group, const std::string& member) {
  const Members names = members_of(group);
  return std::find(names.begin(), names.end(), member) != names.end();
}

// A convolution, a function of its output, a linear layer.
class Net : public nn::Module {
 public:
  Net(std::function<Tensor(const Tensor&)> between, std::int64_t features) : between_(std::move(between)) {
    conv_ = register_module("conv", std::make_shared<nn::Conv2d>(3, 4, 3));
    fc_ = register_module("fc", std::make_shared<nn::Linear>(features, 2));
  }
  Tensor forward(const Tensor& x) override { return (*fc_)(between_((*conv_)(x))); }
  std::string type_name() const override { return "Net"; }

 private:
  std::function<Tensor(const Tensor&)> between_;
  std::shared_ptr<nn::Conv2d> conv_;
  std::shared_ptr<nn::Linear> fc_;
};

}  // namespace

TEST_CASE("in a plain network a channel takes its bias, norm and the next layer's column along") {
  const auto model = models::model_registry().make("vgg11")->build({3, 32, 32}, 10, 1);
  const Dependencies d = find_dependencies(*model, {3, 32, 32});
  const std::vector<ChannelGroup> first = groups_of_filters(d, "features.0.weight");
  REQUIRE(first.size() == 1);
  CHECK(first[0].name == "features.0.weight");
  CHECK(first[0].channels == 64);
  CHECK(first[0].reason.empty());
  Members members = members_of(first[0]);
  std::sort(members.begin(), members.end());
  CHECK(members == Members{"features.0.bias:0", "features.0.weight:0", "features.1.bias:0",
                           "features.1.running_mean:0", "features.1.running_var:0", "features.1.weight:0",
                           "features.4.weight:1"});
  const std::vector<ChannelGroup> last = groups_of_filters(d, "classifier.weight");
  REQUIRE(last.size() == 1);
  CHECK(last[0].reason == "it is the model's output");
}

TEST_CASE("all that a residual connection adds up goes together") {
  const auto model = models::model_registry().make("resnet18")->build({3, 32, 32}, 10, 1);
  const Dependencies d = find_dependencies(*model, {3, 32, 32});
  const std::vector<ChannelGroup> stream = groups_of_filters(d, "conv1.weight");
  REQUIRE(stream.size() == 1);
  CHECK(stream[0].channels == 64);
  for (const char* member :
       {"layer1.0.conv2.weight:0", "layer1.1.conv2.weight:0", "layer1.1.conv1.weight:1",
        "layer2.0.conv1.weight:1", "layer2.0.downsample.0.weight:1", "bn1.running_var:0"})
    CHECK(has(stream[0], member));
  CHECK_FALSE(has(stream[0], "layer1.0.conv1.weight:0"));
  CHECK(groups_of_filters(d, "layer1.0.conv1.weight")[0].channels == 64);
}

TEST_CASE("a padded shortcut ties the middle channels to the stage before, and holds the others fast") {
  const auto model = models::model_registry().make("resnet20")->build({3, 32, 32}, 10, 1);
  const Dependencies d = find_dependencies(*model, {3, 32, 32});
  std::int64_t free = 0, held = 0;
  for (const ChannelGroup& group : groups_of_filters(d, "layer2.0.conv2.weight")) {
    if (group.reason.empty()) {
      free += group.channels;
      CHECK(has(group, "conv1.weight:0"));
      CHECK(has(group, "layer3.2.conv2.weight:0"));
      const auto member = std::find_if(group.members.begin(), group.members.end(), [](const Member& m) {
        return m.filters() && m.name() == "layer2.0.conv2.weight";
      });
      CHECK(member->positions.front() == std::vector<std::int64_t>{8});
    } else {
      held += group.channels;
      CHECK(group.reason == "the shortcut of layer2.0 pads it");
    }
  }
  CHECK(free == 16);
  CHECK(held == 16);
}

TEST_CASE("behind a flattening, a channel is as many columns as its plane has pixels") {
  Net net([](const Tensor& x) { return ops::flatten(x); }, 4 * 36);
  const Dependencies d = find_dependencies(net, {3, 8, 8});
  const ChannelGroup group = groups_of_filters(d, "conv.weight").at(0);
  REQUIRE(has(group, "fc.weight:1"));
  for (const Member& member : group.members) {
    if (member.name() != "fc.weight") continue;
    REQUIRE(member.positions[2].size() == 36);
    CHECK(member.positions[2].front() == 72);
    CHECK(member.positions[2].back() == 107);
  }
}

TEST_CASE("what an operation without a rule touches cannot be removed, and the reason names it") {
  Net net([](const Tensor& x) { return ops::softmax(ops::global_avg_pool(x)); }, 4);
  const Dependencies d = find_dependencies(net, {3, 8, 8});
  CHECK(groups_of_filters(d, "conv.weight").at(0).reason == "softmax has no rule");

  PrunerSettings settings;
  settings.sparsity = 0.5;
  settings.dependencies = true;
  settings.granularity = granularity_registry().make(settings.granularity_kind = "filter");
  const ScoringData data{net, Shape({3, 8, 8}), {}};
  Pruner pruner(std::move(settings), net.parameters(), 1);
  CHECK_THROWS_WITH_AS(pruner.set_data(&data),
                       doctest::Contains("4 filters of conv.weight: softmax has no rule"), Error);
}

TEST_CASE("what an operation takes apart, adds up or repeats cannot be removed, and the reason says so") {
  using testing::WiredNetwork;
  using Call = WiredNetwork::Call;
  const auto reshaped = [](const Tensor& x, std::int64_t rows, std::int64_t columns) {
    return ops::reshape(x, {x.dim(0), rows, columns});
  };
  const struct {
    const char *member, *reason;
    WiredNetwork::Wiring wiring;
  } table[] = {
      {"conv.weight:1", "it is the model's input",
       [](const Call& call, const Tensor& x) { return call("conv", x); }},
      {"embed.weight:0", "it comes from outside the recorded operations",
       [&](const Call& call, const Tensor& x) {
         return ops::add(call("embed", reshaped(x, 24, 8)), Tensor::full({6}, 0.5f));
       }},
      {"embed.weight:0", "add broadcasts an operand",
       [&](const Call& call, const Tensor& x) {
         return ops::add(call("embed", reshaped(x, 24, 8)), Tensor::full({1, 24, 6}, 0.5f));
       }},
      {"gate.weight:0", "mul repeats it over all channels",
       [](const Call& call, const Tensor& x) { return ops::mul(call("conv", x), call("gate", x)); }},
      {"conv.weight:0", "reshape does not keep the channels of [1, 4, 6, 6] apart",
       [&](const Call& call, const Tensor& x) { return reshaped(call("conv", x), 4, 36); }},
      {"conv.weight:0", "slice cuts them at fixed places",
       [](const Call& call, const Tensor& x) { return ops::slice(call("conv", x), 1, 0, 2); }},
      {"conv.weight:0", "sum adds them up",
       [](const Call& call, const Tensor& x) { return ops::sum(call("conv", x), {1}); }},
      {"conv.weight:0", "sum computes no activation",
       [](const Call& call, const Tensor& x) { return ops::sum(call("conv", x)); }},
      {"conv.weight:0", "matmul has no rule for heads",
       [](const Call& call, const Tensor& x) {
         const Tensor y = call("conv", x);
         return ops::matmul(y, y);
       }},
      {"embed.weight:0", "matmul has a token for each",
       [&](const Call& call, const Tensor& x) {
         return ops::matmul(call("embed", reshaped(x, 24, 8)), reshaped(x, 6, 32));
       }},
      {"depthwise.weight:1", "a depthwise convolution reads one channel",
       [](const Call& call, const Tensor& x) { return call("depthwise", call("conv", x)); }},
  };
  for (const auto& row : table) {
    CAPTURE(row.reason);
    WiredNetwork network(
        {{"conv", std::make_shared<nn::Conv2d>(3, 4, 3)},
         {"gate", std::make_shared<nn::Conv2d>(3, 1, 3)},
         {"depthwise", std::make_shared<nn::Conv2d>(4, 4, 3, nn::Conv2d::Options{.groups = 4})},
         {"embed", std::make_shared<nn::Linear>(8, 6)}},
        row.wiring);
    const Dependencies d = find_dependencies(network, {3, 8, 8});
    const auto group = std::find_if(d.groups().begin(), d.groups().end(),
                                    [&](const ChannelGroup& g) { return has(g, row.member); });
    REQUIRE(group != d.groups().end());
    CHECK(group->reason == row.reason);
  }
}

TEST_CASE("a channel's score is the mean of its filters' scores, and the lowest go with all they have") {
  const auto model = models::model_registry().make("resnet18")->build({3, 32, 32}, 10, 1);
  std::map<std::string, nn::Parameter*> by_name;
  for (nn::Parameter* p : model->parameters()) by_name[p->name] = p;
  // Channel 5 of the first stage's stream is small in each of its three layers, channel 9 in one of them
  // only.
  const auto scale_filter = [&](const std::string& name, std::int64_t filter, float factor) {
    Tensor& w = by_name.at(name)->value;
    const std::int64_t size = w.numel() / w.dim(0);
    for (std::int64_t i = 0; i < size; ++i) w.data()[filter * size + i] *= factor;
  };
  for (const char* name : {"conv1.weight", "layer1.0.conv2.weight", "layer1.1.conv2.weight"})
    scale_filter(name, 5, 1e-3f);
  scale_filter("layer1.0.conv2.weight", 9, 1e-3f);
  PrunerSettings settings;
  settings.sparsity = 1.0 / 64;
  settings.dependencies = true;
  settings.scope = scope_registry().make("per_layer");
  settings.granularity = granularity_registry().make(settings.granularity_kind = "filter");
  const ScoringData data{*model, Shape({3, 32, 32}), {}};
  Pruner pruner(std::move(settings), model->parameters(), 1);
  pruner.set_data(&data);
  pruner.start();
  CHECK(pruner.density() == doctest::Approx(63.0 / 64).epsilon(1e-3));
  const auto masked_at = [&](const std::string& name, std::int64_t i) {
    return by_name.at(name)->mask.data()[i] == 0;
  };
  CHECK(masked_at("bn1.weight", 5));
  CHECK(masked_at("bn1.bias", 5));
  CHECK(masked_at("layer1.1.bn2.bias", 5));
  CHECK_FALSE(masked_at("bn1.bias", 9));
  CHECK(masked_at("conv1.weight", 5 * 27));
  CHECK(masked_at("layer1.0.conv1.weight", 5 * 9));          // column 5 of filter 0
  CHECK(masked_at("layer2.0.downsample.0.weight", 64 + 5));  // of filter 1
}

TEST_CASE("dependencies need whole filters, and all of a channel's layers") {
  const auto model = models::model_registry().make("resnet18")->build({3, 32, 32}, 10, 1);
  PrunerSettings elements;
  elements.dependencies = true;
  CHECK_THROWS_WITH_AS(Pruner(std::move(elements), model->parameters(), 1),
                       doctest::Contains("whole filters"), Error);
  PrunerSettings settings;
  settings.dependencies = true;
  settings.exclude = {"conv1.weight"};
  settings.granularity = granularity_registry().make(settings.granularity_kind = "filter");
  const ScoringData data{*model, Shape({3, 32, 32}), {}};
  Pruner pruner(std::move(settings), model->parameters(), 1);
  pruner.set_data(&data);
  const auto stays = std::find_if(pruner.staying().begin(), pruner.staying().end(),
                                  [](const Staying& s) { return s.layer.starts_with("layer1"); });
  REQUIRE(stays != pruner.staying().end());
  CHECK(stays->count == 64);
  CHECK(stays->reason == "conv1.weight goes with it, and is not among those to prune");
}
