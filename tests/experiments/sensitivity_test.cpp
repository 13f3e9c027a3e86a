#include "experiments/sensitivity.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "framework/core/error.h"
#include "framework/ops/cross_entropy.h"
#include "models/registry.h"
#include "tests/experiments/program.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<nn::Module> small_model() {
  const auto spec = models::model_registry().make("resnet20");
  testing::SetFields narrow;
  narrow.numbers["width"] = 4;
  spec->fields(narrow);
  return spec->build({3, 8, 8}, 10, 1);
}

// "Accuracy" is the share of convolution weights that are there.
train::Metrics count_weights(nn::Module& model) {
  train::Metrics metrics;
  for (const nn::Parameter* parameter : model.parameters()) {
    metrics.images += parameter->value.numel();
    for (const float w : parameter->value.to_vector()) metrics.correct += w != 0.0f ? 1 : 0;
  }
  return metrics;
}

}  // namespace

TEST_CASE("every layer is measured alone at every sparsity, and the model comes back") {
  const auto model = small_model();
  const pruning::ScoringData data{*model, Shape({3, 8, 8}), {}};
  const SensitivitySettings settings{{0.5, 1.0}, "magnitude", "element"};
  const std::int64_t whole = count_weights(*model).correct;
  std::vector<SensitivityPoint> points;
  std::vector<std::int64_t> counts;
  const auto measure = [&] {
    counts.push_back(count_weights(*model).correct);
    return count_weights(*model);
  };
  measure_sensitivity(data, settings, measure, {}, [&](const SensitivityPoint& p) { points.push_back(p); });
  CHECK(count_weights(*model).correct == whole);
  std::size_t i = 0;
  CHECK(points[i].layer.empty());
  CHECK(counts[i++] == whole);
  for (const nn::Parameter* p : model->parameters()) {
    CHECK(p->mask.dense());
    if (p->kind != nn::ParameterKind::weight) continue;
    for (const double sparsity : settings.sparsities) {
      CAPTURE(p->name);
      CHECK(points[i].layer == p->name);
      CHECK(points[i].sparsity == sparsity);
      // A layer's best weight is always kept.
      const double pruned = std::min(sparsity * static_cast<double>(p->value.numel()),
                                     static_cast<double>(p->value.numel() - 1));
      CHECK(static_cast<double>(whole - counts[i++]) == doctest::Approx(pruned).epsilon(0.01));
    }
  }
  CHECK(i == points.size());

  // What is known is not measured again.
  const std::vector<SensitivityPoint> half(points.begin(), points.begin() + 7);
  std::vector<SensitivityPoint> rest;
  measure_sensitivity(data, settings, measure, half, [&](const SensitivityPoint& p) { rest.push_back(p); });
  CHECK(rest.size() == points.size() - 7);
  CHECK(rest.front().layer == points[7].layer);
}

TEST_CASE("heads, neurons and branches are measured layer by layer, with all that depends on them") {
  const auto spec = models::model_registry().make("vit");
  testing::SetFields small;
  small.numbers = {{"dim", 12}, {"heads", 3}, {"depth", 2}, {"mlp_ratio", 2}, {"patch", 4}};
  spec->fields(small);
  const auto model = spec->build({3, 8, 8}, 10, 1);
  for (nn::Parameter* p : model->parameters()) {  // no bias is 0
    for (std::int64_t i = 0; i < p->value.numel(); ++i) p->value.data()[i] += 1e-3f;
  }
  const pruning::ScoringData data{*model, Shape({3, 8, 8}), {}};
  const std::int64_t whole = count_weights(*model).correct;
  struct Gone {
    std::string layer;
    double sparsity;
    std::int64_t weights;
    bool operator==(const Gone&) const = default;
  };
  const auto measured = [&](const char* granularity, bool each = false) {
    std::vector<Gone> gone;
    std::int64_t left = 0;
    const auto measure = [&] {
      left = count_weights(*model).correct;
      return train::Metrics();
    };
    measure_sensitivity(data, {{}, "magnitude", granularity, each}, measure, {},
                        [&](const SensitivityPoint& p) {
                          gone.push_back({p.layer, p.sparsity, whole - left});
                        });
    CHECK(count_weights(*model).correct == whole);
    for (const nn::Parameter* p : model->parameters()) CHECK(p->mask.dense());
    return gone;
  };
  // A head: 12 rows of 12 weights and a bias, 4 columns of 12. A neuron: 12 weights and a bias, 12 of fc2.
  const std::string attention = "blocks.0.attn.qkv.weight", mlp = "blocks.0.mlp.fc1.weight";
  const std::vector<Gone> heads = measured("head");
  REQUIRE(heads.size() == 5);
  CHECK(heads[1] == Gone{attention, 1.0 / 3, 12 * 13 + 48});
  CHECK(heads[2] == Gone{attention, 2.0 / 3, 2 * (12 * 13 + 48)});
  const std::vector<Gone> neurons = measured("neuron");
  REQUIRE(neurons.size() == 9);
  CHECK(neurons[2] == Gone{mlp, 0.5, 12 * 25});
  // A norm, an attention; and as a whole layer the MLP with its norm, too.
  const std::vector<Gone> branches = measured("branch"), layers = measured("layer");
  REQUIRE(branches.size() == 5);
  const std::int64_t whole_attention = 24 + 36 * 13 + 12 * 13, whole_mlp = 24 + 24 * 13 + 12 * 25;
  CHECK(branches[1] == Gone{"blocks.0.attn", 1.0, whole_attention});
  CHECK(branches[2] == Gone{"blocks.0.mlp", 1.0, whole_mlp});
  REQUIRE(layers.size() == 3);
  CHECK(layers[2] == Gone{"blocks.1", 1.0, whole_attention + whole_mlp});
  // Each by itself.
  const std::vector<Gone> single = measured("head", true);
  REQUIRE(single.size() == 1 + 2 * 3);
  for (int h = 0; h < 3; ++h)
    CHECK(single[static_cast<std::size_t>(1 + h)] ==
          Gone{attention + "[" + std::to_string(h) + "]", 1.0 / 3, 12 * 13 + 48});
  CHECK(measured("neuron", true).size() == 1 + 2 * 24);
  CHECK_THROWS_AS(measured("element", true), Error);
}

TEST_CASE("groups that let go of half are measured up to half; more is refused before anything is measured") {
  const auto model = small_model();
  const pruning::ScoringData data{*model, Shape({3, 8, 8}), {}};
  const std::int64_t whole = count_weights(*model).correct;
  std::int64_t left = 0;
  const auto measure = [&] {
    left = count_weights(*model).correct;
    return train::Metrics();
  };
  std::map<std::string, std::map<double, std::int64_t>> gone;
  measure_sensitivity(data, {{}, "magnitude", "n_of_m"}, measure, {},
                      [&](const SensitivityPoint& p) { gone[p.layer][p.sparsity] = whole - left; });
  gone.erase("");
  for (const nn::Parameter* p : model->parameters()) {
    const bool grouped = p->kind == nn::ParameterKind::weight && p->value.dim(1) % 4 == 0;
    if (!grouped) continue;
    CAPTURE(p->name);
    CHECK(gone[p->name] ==
          std::map<double, std::int64_t>{{0.25, p->value.numel() / 4}, {0.5, p->value.numel() / 2}});
    gone.erase(p->name);
  }
  CHECK(gone.empty());

  left = -1;
  CHECK_THROWS_WITH_AS(measure_sensitivity(data, {{0.5, 0.75}, "magnitude", "n_of_m"}, measure, {},
                                           [](const SensitivityPoint&) {}),
                       doctest::Contains("let go 0.5 at most"), Error);
  CHECK(left == -1);
}

TEST_CASE("a layer whose filters the criterion cannot tell apart is left out, with the reason") {
  const auto model = small_model();
  const Tensor images = testing::random_tensor({6, 3, 8, 8}, Layout::lanes, 3);
  const Tensor labels = Tensor::zeros({6}, Layout::plain, DType::i32);
  const pruning::ScoringData data{*model, Shape({3, 8, 8}), [&](std::int64_t, float) {
                                    return ops::cross_entropy((*model)(images), labels);
                                  }};
  std::set<std::string> convolutions;
  for (const nn::Parameter* p : model->parameters()) {
    if (p->kind == nn::ParameterKind::weight && p->name != "fc.weight") convolutions.insert(p->name);
  }
  for (const char* criterion : {"bn_scale", "apoz"}) {
    CAPTURE(criterion);
    std::set<std::string> measured;
    std::vector<std::string> left_out;
    measure_sensitivity(
        data, {{0.5}, criterion, "filter"}, [] { return train::Metrics(); }, {},
        [&](const SensitivityPoint& p) { measured.insert(p.layer); },
        [&](const std::string& layer, const std::string& reason) {
          left_out.push_back(layer);
          CHECK_FALSE(reason.empty());
        });
    measured.erase("");
    CHECK(measured == convolutions);
    CHECK(left_out == std::vector<std::string>{"fc.weight"});
  }
}

TEST_CASE("the sparsities within a loss are each layer's largest that keeps to it") {
  const std::vector<SensitivityPoint> points = {{"", 0, 90, 0},     {"a", 0.5, 89.5, 0}, {"a", 0.9, 88, 0},
                                                {"b", 0.5, 80, 0},  {"b", 0.9, 50, 0},   {"c", 0.5, 90, 0},
                                                {"c", 0.9, 89.1, 0}};
  const std::vector<std::pair<std::string, double>> expected = {{"a", 0.5}, {"b", 0.0}, {"c", 0.9}};
  CHECK(sparsities_within(points, 1.0) == expected);
}

TEST_CASE(
    "the scope that the command gives is a distribution for a pruner, which needs no sparsity beside it") {
  const testing::TemporaryDirectory directory;
  const std::string config = (directory.path() / "tiny.toml").string(),
                    dense = (directory.path() / "dense").string(),
                    pruned = (directory.path() / "pruned").string();
  testing::write_text(config, R"(
model = { kind = "resnet20", width = 4 }
data = { kind = "synthetic", train_images = 32, test_images = 16 }
batch = 16
[[stage]]
epochs = 1
)");
  REQUIRE(testing::run_program({"run", config, "--out", dense, "--threads", "1"}).exit_code == 0);
  const testing::Outcome analysis = testing::run_program(
      {"sensitivity", dense, "--split", "test", "--sparsities", "0.25,0.75", "--drop", "1", "--json"});
  REQUIRE(analysis.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(analysis.output);
  const std::string scope = json.at("scope");
  const testing::Outcome run = testing::run_program(
      {"run", config, "--out", pruned, "--threads", "1", "stage.0.prune=[{ scope = " + scope + " }]"});
  CAPTURE(run.output);
  REQUIRE(run.exit_code == 0);
  // What keeps the loss, by layer.
  std::map<std::string, double> sparsities;
  const double whole = json.at("points")[0].at("accuracy");
  for (const nlohmann::json& point : json.at("points")) {
    if (point.at("layer") != "" && point.at("accuracy").get<double>() >= whole - 1.0)
      sparsities[point.at("layer")] =
          std::max(sparsities[point.at("layer")], point.at("sparsity").get<double>());
  }
  CHECK_FALSE(sparsities.empty());
  const nlohmann::json summary = testing::read_json(fs::path(pruned) / "summary.json");
  for (const nlohmann::json& layer : summary.at("layers")) {
    CAPTURE(layer.at("name").get<std::string>());
    const double bias = layer.at("name") == "fc" ? 10.0 : 0.0;
    const double weights = layer.at("parameters").get<double>() - bias;
    const double sparsity = sparsities[layer.at("name").get<std::string>() + ".weight"];
    CHECK(layer.at("nonzeros").get<double>() - bias ==
          doctest::Approx((1.0 - sparsity) * weights).epsilon(0.01));
  }
}

}  // namespace espalier
