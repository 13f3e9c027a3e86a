// A network that is shrunk in the middle of an experiment: trained on, saved, resumed, evaluated, inspected.
#include <doctest/doctest.h>

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

}  // namespace
}  // namespace espalier
