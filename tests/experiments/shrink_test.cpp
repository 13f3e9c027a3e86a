// A network that is shrunk in the middle of an experiment: trained on, saved, resumed, evaluated, inspected.
#include <doctest/doctest.h>

#include "framework/core/files.h"
#include "tests/experiments/program.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::run_program;
using testing::TemporaryDirectory;

constexpr const char* kConfig = R"(
name = "tiny"
seed = 3
batch = 16
model = { kind = "resnet20", width = 8 }
data = { kind = "synthetic", train_images = 72, test_images = 32 }
checkpoint = { every_steps = 2 }
[[stage]]
kind = "train"
epochs = 1
[[stage.prune]]
sparsity = 0.5
granularity = "filter"
dependencies = true
scope = "per_layer"
schedule = { kind = "cubic", begin = 0.2, end = 0.9, every = 2 }
[[stage]]
kind = "shrink"
[[stage]]
kind = "finetune"
epochs = 2
ema_decay = 0.9
)";

// Files of `directory` as its manifest should describe them.
void write_manifest(const fs::path& directory, nlohmann::json manifest) {
  testing::write_text(directory / "manifest.json", manifest.dump());
}

TEST_CASE("a shrunk network trains on, resumes, and is evaluated and inspected as it is") {
  const TemporaryDirectory directory;
  const fs::path config = directory.path() / "tiny.toml", run = directory.path() / "run";
  testing::write_text(config, kConfig);
  const testing::Outcome outcome =
      run_program({"run", config.string(), "--out", run.string(), "--threads", "1"});
  CAPTURE(outcome.output);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.output.find("the shortcut of layer2.0 pads it") != std::string::npos);
  CHECK(outcome.output.find("multiply-adds are left; outputs differ by") != std::string::npos);

  const nlohmann::json summary = testing::read_json(run / "summary.json");
  const nlohmann::json& stages = summary["stages"];
  const nlohmann::json& shrink = stages[1]["shrink"];
  CHECK(shrink["parameters_before"] == stages[0]["parameters"]);
  CHECK(shrink["parameters"] == stages[2]["parameters"]);
  CHECK(shrink["parameters"] == stages[0]["nonzero_parameters"]);  // all that is masked has gone
  CHECK(shrink["macs"] < shrink["macs_before"]);
  CHECK(shrink["max_difference"].get<double>() <= 1e-4 * shrink["max_output"].get<double>());
  CHECK(stages[1]["test_accuracy"] == stages[0]["test_accuracy"]);
  CHECK(summary["parameters"] == stages[0]["parameters"]);
  CHECK(summary["nonzero_parameters"] == shrink["parameters"]);

  const testing::Outcome eval = run_program({"eval", run.string(), "--json"});
  REQUIRE(eval.exit_code == 0);
  CHECK(nlohmann::json::parse(eval.output)["accuracy"] == summary["test_accuracy"]);
  const testing::Outcome inspect =
      run_program({"inspect", (run / "1-shrink").string() + "/checkpoint", "--json"});
  REQUIRE(inspect.exit_code == 0);
  CHECK(nlohmann::json::parse(inspect.output)["parameters"] == shrink["parameters"]);
  CHECK(nlohmann::json::parse(inspect.output)["macs"] == shrink["macs"]);

  // Once more from the shrunk network, and once more from the middle of what follows it.
  const auto redo = [&](bool keep_progress) {
    const fs::path other = directory.path() / (keep_progress ? "stopped" : "redone");
    fs::copy(run, other, fs::copy_options::recursive);
    fs::remove(other / "summary.json");
    fs::remove_all(other / "2-finetune");
    if (keep_progress) {
      testing::Program program({"resume", other.string(), "--threads", "1"}, directory.path() / "log");
      while (program.running() && !fs::exists(other / "2-finetune")) ::usleep(1000);
      program.send(SIGTERM);
      program.wait();
    }
    REQUIRE(run_program({"resume", other.string(), "--threads", "1"}).exit_code == 0);
    CHECK(testing::read_json(other / "summary.json")["weights_sha256"] == summary["weights_sha256"]);
  };
  redo(false);
  redo(true);

  // Widths that do not fit each other, that are none, or that are not the model's.
  const fs::path checkpoint = run / "1-shrink" / "checkpoint";
  const nlohmann::json manifest = testing::read_json(checkpoint / "manifest.json");
  const auto refused = [&](const char* name, const nlohmann::json& shape) {
    nlohmann::json changed = manifest;
    changed["about"]["model"]["shapes"][name] = shape;
    write_manifest(checkpoint, changed);
    CHECK(run_program({"eval", checkpoint.string()}).exit_code == 3);
  };
  refused("conv1.weight", {1, 3, 3, 3});
  refused("conv1.weight", {800, 3, 3, 3});
  refused("conv1.weight", {0, 3, 3, 3});
  refused("conv1.weight", "wide");
  refused("conv9.weight", {1, 3, 3, 3});
  nlohmann::json without = manifest;
  without["about"]["model"].erase("shapes");
  write_manifest(checkpoint, without);
  CHECK(run_program({"inspect", checkpoint.string()}).exit_code == 3);
  write_manifest(checkpoint, manifest);
  CHECK(run_program({"inspect", checkpoint.string()}).exit_code == 0);
}

// Filters go in the first of eight epochs. Layers in a chain: residual streams so narrow make much of what is rounded.
constexpr const char* kWhileTraining = R"(
name = "tiny"
seed = 3
batch = 16
model = { kind = "vgg11", width = 8 }
data = { kind = "synthetic", train_images = 72, test_images = 32 }
checkpoint = { every_steps = 2 }
[[stage]]
kind = "train"
epochs = 8
ema_decay = 0.9
shrink = true
optimizer = { kind = "sgd", lr = 1e-3, momentum = 0.9 }
[[stage.prune]]
sparsity = 0.5
granularity = "filter"
dependencies = true
scope = "per_layer"
schedule = { kind = "one_shot", at = 0.05 }
)";

TEST_CASE("a network that is shrunk while it trains goes on as the masked one, moments and averages too") {
  const TemporaryDirectory directory;
  const fs::path config = directory.path() / "tiny.toml";
  testing::write_text(config, kWhileTraining);
  const auto run = [&](const char* name, const std::vector<std::string>& changes) {
    std::vector<std::string> arguments = {
        "run", config.string(), "--out", (directory.path() / name).string(), "--threads", "1"};
    arguments.insert(arguments.end(), changes.begin(), changes.end());
    const testing::Outcome outcome = run_program(arguments);
    CAPTURE(outcome.output);
    REQUIRE(outcome.exit_code == 0);
    return testing::read_json(directory.path() / name / "summary.json");
  };
  const nlohmann::json small = run("small", {}), masked = run("masked", {"stage.0.shrink=false"});
  const nlohmann::json &stage = small["stages"][0], &masked_stage = masked["stages"][0];
  CHECK(stage["parameters"] == masked_stage["nonzero_parameters"]);
  CHECK(stage["shrink"]["parameters_before"] == masked_stage["parameters"]);
  CHECK(stage["epochs"] == 8);
  CHECK(stage["steps"] == masked_stage["steps"]);
  CHECK(stage["test_loss"].get<double>() ==
        doctest::Approx(masked_stage["test_loss"].get<double>()).epsilon(1e-4));
  CHECK(small["macs"] < masked["macs"]);

  // Stopped behind the surgery, it ends in the same bits.
  const fs::path stopped = directory.path() / "stopped", metrics = stopped / "metrics.jsonl";
  {
    testing::Program program({"run", config.string(), "--out", stopped.string(), "--threads", "1"},
                             directory.path() / "log");
    while (program.running() && (!fs::exists(metrics) || fs::file_size(metrics) < 900)) ::usleep(1000);
    program.send(SIGTERM);
    program.wait();
  }
  const testing::Outcome resumed = run_program({"resume", stopped.string(), "--threads", "1"});
  CAPTURE(resumed.output);
  REQUIRE(resumed.exit_code == 0);
  CHECK(testing::read_json(stopped / "summary.json")["weights_sha256"] == small["weights_sha256"]);
  CHECK(testing::read_json(stopped / "0-train" / "result.json")["shrink"] == stage["shrink"]);

  const testing::Outcome lottery =
      run_program({"run", config.string(), "stage.0.kind=lottery", "stage.0.prune=[]", "--out",
                   (directory.path() / "lottery").string()});
  CHECK(lottery.exit_code == 2);
  CHECK(lottery.output.find("shrink would take the ticket") != std::string::npos);
}

constexpr const char* kTransformer = R"(
name = "parts"
seed = 3
batch = 16
model = { kind = "vit", dim = 16, heads = 4, depth = 3, mlp_ratio = 1, patch = 8 }
data = { kind = "synthetic", train_images = 72, validation_images = 16, test_images = 32 }
checkpoint = { every_steps = 2 }
[[stage]]
name = "dense"
kind = "train"
epochs = 1
optimizer = { kind = "adamw", lr = 1e-3 }
[[stage]]
name = "prune"
kind = "finetune"
epochs = 1
distill = { teacher = "dense" }
optimizer = { kind = "adamw", lr = 1e-3 }
[[stage.prune]]
sparsity = 0.5
granularity = "head"
criterion = { kind = "mask_gradient", batches = 2 }
schedule = { kind = "linear", begin = 0.0, end = 0.8, every = 2 }
[[stage.prune]]
sparsity = 0.5
granularity = "neuron"
criterion = "taylor"
schedule = { kind = "one_shot", at = 0.5 }
[[stage.prune]]
sparsity = 0.5
granularity = "branch"
schedule = { kind = "one_shot", at = 0.5 }
scope = { kind = "table", layer = [{ name = "blocks.1.*", sparsity = 1.0 }, { name = "blocks.2.attn", sparsity = 1.0 }, { name = "*", sparsity = 0.0 }] }
[[stage]]
kind = "shrink"
[[stage]]
name = "distil"
kind = "finetune"
epochs = 1
distill = { teacher = "dense" }
optimizer = { kind = "adamw", lr = 1e-3 }
ema_decay = 0.9
)";

TEST_CASE("a transformer without some heads, neurons and branches is distilled, saved and rebuilt as it is") {
  const TemporaryDirectory directory;
  const fs::path config = directory.path() / "parts.toml", run = directory.path() / "run";
  testing::write_text(config, kTransformer);
  const testing::Outcome outcome =
      run_program({"run", config.string(), "--out", run.string(), "--threads", "1"});
  CAPTURE(outcome.output);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.output.find("shrink: dropped blocks.1.attn, blocks.1.mlp, blocks.2.attn") !=
        std::string::npos);

  const nlohmann::json summary = testing::read_json(run / "summary.json");
  const nlohmann::json& stages = summary["stages"];
  const nlohmann::json& shrink = stages[2]["shrink"];
  CHECK(shrink["branches"] == nlohmann::json{"blocks.1.attn", "blocks.1.mlp", "blocks.2.attn"});
  CHECK(shrink["parameters"] == stages[1]["nonzero_parameters"]);  // all that is masked has gone
  CHECK(shrink["max_difference"].get<double>() <= 1e-4 * shrink["max_output"].get<double>());
  CHECK(stages[2]["test_accuracy"] == stages[1]["test_accuracy"]);
  CHECK(stages[3]["parameters"] == shrink["parameters"]);
  const testing::Outcome eval = run_program({"eval", run.string(), "--json"});
  REQUIRE(eval.exit_code == 0);
  CHECK(nlohmann::json::parse(eval.output)["accuracy"] == summary["test_accuracy"]);

  // Once more from the shrunk network.
  fs::remove(run / "summary.json");
  fs::remove_all(run / "3-distil");
  REQUIRE(run_program({"resume", run.string(), "--threads", "1"}).exit_code == 0);
  CHECK(testing::read_json(run / "summary.json")["weights_sha256"] == summary["weights_sha256"]);

  // Branches that the model has not, cannot do without, or that are no names.
  const fs::path checkpoint = run / "2-shrink" / "checkpoint";
  const nlohmann::json manifest = testing::read_json(checkpoint / "manifest.json");
  const auto refused = [&](const nlohmann::json& dropped) {
    nlohmann::json changed = manifest;
    changed["about"]["model"]["dropped"] = dropped;
    write_manifest(checkpoint, changed);
    CHECK(run_program({"eval", checkpoint.string()}).exit_code == 3);
  };
  refused({"blocks.9.attn"});
  refused({"patch_embed"});
  refused({"blocks.0.attn"});
  refused({"blocks.1.attn", 7});
  refused("blocks.1.attn");
  write_manifest(checkpoint, manifest);
  CHECK(run_program({"inspect", checkpoint.string()}).exit_code == 0);
}

TEST_CASE("what a sensitivity analysis says of heads is the scope of a pruner") {
  const TemporaryDirectory directory;
  const fs::path config = directory.path() / "parts.toml", run = directory.path() / "run";
  const std::string out = (directory.path() / "points.jsonl").string();
  testing::write_text(config, kTransformer);
  REQUIRE(run_program({"run", config.string(), "--out", run.string()}).exit_code == 0);
  const std::vector<std::string> analyse = {"sensitivity",   (run / "0-dense" / "checkpoint").string(),
                                            "--granularity", "head",
                                            "--out",         out,
                                            "--drop",        "100",
                                            "--json"};
  const testing::Outcome whole = run_program(analyse);
  REQUIRE(whole.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(whole.output);
  CHECK(json["points"].size() == 1 + 3 * 3);  // one, two or three of four heads, in three attentions
  const std::string text = read_file(out, 1 << 20);
  testing::write_text(out,
                      text.substr(0, text.find('\n', text.size() / 2) + 1));  // as if it had been stopped
  CHECK(run_program(analyse).output == whole.output);

  const testing::Outcome pruned =
      run_program({"run", config.string(), "--out", (directory.path() / "pruned").string(),
                   "stage.prune.prune.0.scope=" + json["scope"].get<std::string>()});
  CAPTURE(pruned.output);
  REQUIRE(pruned.exit_code == 0);
  const nlohmann::json summary = testing::read_json(directory.path() / "pruned" / "summary.json");
  for (const nlohmann::json& layer : summary["stages"][2]["shrink"]["layers"]) {
    if (layer["name"].get<std::string>().ends_with("qkv.weight")) CHECK(layer["filters"] == 3 * 4);
  }
}

}  // namespace
}  // namespace espalier
