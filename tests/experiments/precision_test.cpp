#include <doctest/doctest.h>

#include "experiments/about.h"
#include "experiments/bench/train.h"
#include "experiments/runner.h"
#include "tests/experiments/program.h"
#include "tests/experiments/quiet.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

// Trains, prunes by gradients and by activations, trains again by another's answers: all that runs the
// network.
constexpr const char* kStages = R"(
data = { kind = "synthetic", train_images = 48, test_images = 32 }
augment = { flip = true, mix = { cutmix = 1.0 } }
batch = 16
evaluate = { views = "mirrored" }
[[stage]]
name = "teach"
epochs = 2
[[stage]]
kind = "prune"
[[stage.prune]]
sparsity = 0.3
criterion = "snip"
[[stage.prune]]
sparsity = 0.4
criterion = "wanda"
granularity = "filter"
[[stage]]
kind = "finetune"
epochs = 1
distill = { teacher = "teach" }
)";

constexpr const char* kPrunedAtBirth = R"(
model = { kind = "resnet20", width = 4 }
data = { kind = "synthetic", train_images = 48, test_images = 16 }
batch = 16
[[stage]]
kind = "prune"
prune = [{ sparsity = 0.7 }]
)";

nlohmann::ordered_json run(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  testing::Quiet quiet;
  ExperimentConfig config = read_experiment(parse_config_text(kStages, "test.toml"), overrides);
  return run_experiment(config, path, quiet.reporter);
}

}  // namespace

TEST_CASE("every model goes through every stage in bf16, near to where it goes in f32") {
  for (const char* model : {"resnet20", "vgg16", "airbench", "vit", "cct"}) {
    CAPTURE(model);
    const testing::TemporaryDirectory directory;
    const std::string small =
        std::string(model) == "vit" || std::string(model) == "cct"
            ? "{ kind = \"" + std::string(model) + "\", dim = 16, depth = 1, heads = 2 }"
            : "{ kind = \"" + std::string(model) + "\", width = 4 }";
    const nlohmann::ordered_json wide = run(directory.path() / "f32", {"model=" + small});
    const nlohmann::ordered_json narrow =
        run(directory.path() / "bf16", {"model=" + small, "precision=bf16"});
    CHECK_FALSE(wide.contains("precision"));
    CHECK(narrow["precision"] == "bf16");
    const testing::Outcome inspected =
        testing::run_program({"inspect", (directory.path() / "bf16").string(), "--json"});
    REQUIRE(inspected.exit_code == 0);
    for (const nlohmann::json& row : nlohmann::json::parse(inspected.output)["kernels"]) {
      const std::string kernel = row["kernel"];
      CHECK((kernel == "linear" || kernel.find("bf16") != std::string::npos));
    }
    CHECK(narrow["weights_sha256"] != wide["weights_sha256"]);
    for (std::size_t stage = 0; stage < 3; ++stage) {
      CAPTURE(stage);
      const double loss = narrow["stages"][stage]["test_loss"], expected = wide["stages"][stage]["test_loss"];
      CHECK(loss == doctest::Approx(expected).epsilon(0.1));
    }
    for (const auto& entry : load_model(directory.path() / "bf16").model->state_dict()) {
      CAPTURE(entry.first);
      CHECK(entry.second.dtype() == DType::f32);
    }
  }
}

TEST_CASE("masks that are found before training are those of f32, whatever the precision of training") {
  const testing::TemporaryDirectory directory;
  const auto masks = [&](const std::string& criterion, const std::string& precision) {
    testing::Quiet quiet;
    const std::filesystem::path path = directory.path() / (criterion + precision);
    ExperimentConfig config =
        read_experiment(parse_config_text(kPrunedAtBirth, "test.toml"),
                        {"stage.0.prune.0.criterion=" + criterion, "precision=" + precision});
    run_experiment(config, path, quiet.reporter);
    std::vector<std::uint8_t> all;
    const auto model = load_model(path).model;
    for (const nn::Parameter* p : model->parameters()) {
      if (!p->mask.dense()) all.insert(all.end(), p->mask.data(), p->mask.data() + p->value.numel());
    }
    return all;
  };
  const std::vector<std::uint8_t> snip = masks("snip", "f32"), grasp = masks("grasp", "f32");
  REQUIRE_FALSE(snip.empty());
  CHECK(snip != grasp);
  CHECK(masks("snip", "bf16") == snip);
  CHECK(masks("grasp", "bf16") == grasp);
}

TEST_CASE("the training benchmark takes its steps in bf16") {
  bench::TrainBenchOptions options = {
      .subject = {.model = "resnet20"}, .batch = 32, .steps = 1, .warm_up = 1};
  options.precision = DType::bf16;
  const bench::TrainSpeed narrow = bench::measure_training(options);
  options.precision = DType::f32;
  const bench::TrainSpeed wide = bench::measure_training(options);
  CHECK(narrow.loss == doctest::Approx(wide.loss).epsilon(0.05));
}

}  // namespace espalier
