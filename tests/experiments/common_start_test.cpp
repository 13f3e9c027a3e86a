// A run that takes its start from another ends with the bits that it would have had alone.
#include "experiments/common_start.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "experiments/about.h"
#include "experiments/runner.h"
#include "experiments/tuning.h"
#include "framework/core/files.h"
#include "framework/train/stop.h"
#include "tests/experiments/program.h"
#include "tests/experiments/quiet.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTwoStages = R"(
model = { kind = "resnet20", width = 4 }
data = { kind = "synthetic", train_images = 72, test_images = 32 }
augment = { flip = true }
batch = 16
[[stage]]
name = "dense"
epochs = 1
[[stage]]
kind = "finetune"
epochs = 1
prune = [{ sparsity = 0.5 }]
)";

constexpr const char* kLottery = R"(
model = { kind = "resnet20", width = 4 }
data = { kind = "synthetic", train_images = 72, test_images = 32 }
batch = 16
[[stage]]
kind = "lottery"
epochs = 1
rounds = 1
rewind_step = 2
)";

ExperimentConfig config_of(const char* text, const std::vector<std::string>& changes = {}) {
  return read_experiment(parse_config_text(text, "test.toml"), changes);
}

// How many cuts two experiments have in common.
std::size_t in_common(const char* text, const std::vector<std::string>& a,
                      const std::vector<std::string>& b) {
  ExperimentConfig one = config_of(text, a), other = config_of(text, b);
  const std::vector<Cut> x = cuts_of(one), y = cuts_of(other);
  std::size_t count = 0;
  while (count < std::min(x.size(), y.size()) && x[count].key == y[count].key) ++count;
  return count;
}

struct Runs {
  testing::TemporaryDirectory directory;
  testing::Quiet quiet;

  fs::path operator/(const char* name) const { return directory.path() / name; }
  nlohmann::ordered_json run(const char* name, ExperimentConfig config,
                             const std::vector<fs::path>& others = {}) {
    take_common_start(config, *this / name, others, quiet.reporter);
    return run_experiment(config, *this / name, quiet.reporter);
  }
};

// Without what depends on the clock.
std::string metrics_of(const fs::path& run) {
  std::istringstream lines(read_file(run / "metrics.jsonl", 1 << 20));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    nlohmann::json json = nlohmann::json::parse(line);
    json.erase("seconds");
    text += json.dump() + "\n";
  }
  return text;
}

std::string weights_of(const nlohmann::ordered_json& summary) { return summary.at("weights_sha256"); }

}  // namespace

TEST_CASE("what experiments have in common is what decides their first stages") {
  CHECK(in_common(kTwoStages, {}, {"name=other", "checkpoint.every_steps=7"}) == 2);
  CHECK(in_common(kTwoStages, {}, {"stage.1.prune.0.sparsity=0.9"}) == 1);
  CHECK(in_common(kTwoStages, {}, {"stage.1.epochs=2"}) == 1);
  for (const char* change :
       {"seed=1", "batch=8", "model.width=8", "augment.flip=false", "execution=dense", "stage.0.epochs=2",
        "stage.0.optimizer.lr=0.01", "stage.0.kind=finetune", "stage.0.name=first", "data.train_images=64"}) {
    CAPTURE(change);
    CHECK(in_common(kTwoStages, {}, {change}) == 0);
  }
  for (const char* change :
       {"stage.0.rounds=3", "stage.0.share=0.5", "stage.0.sparsity=0.9", "stage.0.start=continue",
        "stage.0.shuffle=true", "stage.0.retrain_lr=0.1", "stage.0.ticket.criterion=random",
        "stage.0.controls=['shuffle']", "stage.0.control_rounds=[1]"}) {
    CAPTURE(change);
    CHECK(in_common(kLottery, {}, {change}) == 1);
  }
  CHECK(in_common(kLottery, {}, {"stage.0.rewind_step=3"}) == 0);
  CHECK(in_common(kLottery, {}, {"stage.0.epochs=2"}) == 0);
}

TEST_CASE("names of a table's layers tell experiments apart, names of stages do not") {
  ExperimentConfig plain = config_of(kTwoStages), renamed = config_of(kTwoStages, {"stage.0.name=first"});
  CHECK(config_hash(plain) == config_hash(renamed));
  const auto with_table = [](const char* layer) {
    ExperimentConfig config = config_of(
        kTwoStages, {fmt::format("stage.1.prune.0.scope={{ kind = \"table\", layer = [{{ name = \"{}\", "
                                 "sparsity = 0.3 }}] }}",
                                 layer)});
    return config_hash(config);
  };
  CHECK(with_table("conv1.weight") != with_table("fc.weight"));
}

TEST_CASE("a run that takes its first stage from another ends with the bits that it would have had alone") {
  Runs runs;
  const nlohmann::ordered_json first = runs.run("first", config_of(kTwoStages));
  const std::vector<std::string> changes = {"stage.1.prune.0.sparsity=0.9"};
  const nlohmann::ordered_json alone = runs.run("alone", config_of(kTwoStages, changes));
  const nlohmann::ordered_json taken =
      runs.run("taken", config_of(kTwoStages, changes), {runs / "absent", runs / "first", runs / "taken"});
  CHECK(weights_of(taken) == weights_of(alone));
  CHECK(weights_of(taken) != weights_of(first));
  CHECK(taken["test_accuracy"] == alone["test_accuracy"]);
  CHECK(taken["stages"][0]["taken_from"] == "first");
  CHECK_FALSE(taken["stages"][1].contains("taken_from"));
  CHECK(taken["stages"][0]["wall_seconds"] == first["stages"][0]["wall_seconds"]);
  CHECK(taken["stages"][0]["weights_sha256"] == alone["stages"][0]["weights_sha256"]);
  CHECK(metrics_of(runs / "taken") == metrics_of(runs / "alone"));
  // No room twice, and no need of each other.
  CHECK(fs::hard_link_count(runs / "taken" / "0-dense" / "checkpoint" / "model.safetensors") == 2);
  fs::remove_all(runs / "first");
  CHECK(load_model(runs / "taken" / "0-dense" / "checkpoint").model->parameter_count() > 0);
}

TEST_CASE(
    "a start is taken with the kernels that it was computed on, and not where those were chosen otherwise") {
  Runs runs;
  runs.run("first", config_of(kTwoStages));
  const std::vector<std::string> changes = {"stage.1.prune.0.sparsity=0.9"};
  const std::vector<fs::path> others = {runs / "first"};
  // As a run leaves it whose kernels were measured.
  nlohmann::json kernels = nlohmann::json::parse(read_file(runs / "first" / "kernels.json", 1 << 20));
  kernels["tuned"] = true;
  write_file_durably(runs / "first" / "kernels.json", kernels.dump());
  CHECK_FALSE(runs.run("fixed", config_of(kTwoStages, changes), others)["stages"][0].contains("taken_from"));

  want_tuning(true);
  ExperimentConfig config = config_of(kTwoStages, changes);
  take_common_start(config, runs / "measured", others, runs.quiet.reporter);
  want_tuning(false);
  CHECK(fs::exists(runs / "measured" / "0-dense" / "result.json"));
  CHECK(read_file(runs / "measured" / "kernels.json", 1 << 20) == kernels.dump());
}

TEST_CASE("a run starts from one that is named for it, or says why it cannot") {
  Runs runs;
  const std::string first = runs / "first";
  runs.run("first", config_of(kTwoStages));
  const auto start = [&](const char* name, const std::vector<std::string>& changes) {
    ExperimentConfig config = config_of(kTwoStages, changes);
    start_from(config, runs / name, first, runs.quiet.reporter);
    return run_experiment(config, runs / name, runs.quiet.reporter);
  };
  const std::vector<std::string> changes = {"stage.1.prune.0.sparsity=0.9"};
  const nlohmann::ordered_json taken = start("taken", changes);
  CHECK(taken["stages"][0]["taken_from"] == "first");
  CHECK(weights_of(taken) == weights_of(runs.run("alone", config_of(kTwoStages, changes))));
  // Said again, as when the command is repeated to go on.
  CHECK(start("taken", changes)["weights_sha256"] == taken["weights_sha256"]);

  CHECK_THROWS_WITH_AS(start("longer", {"stage.0.epochs=2", "batch=8"}), doctest::Contains("nothing of"),
                       Error);
  CHECK_THROWS_WITH_AS(
      start("longer", {"stage.0.epochs=2", "batch=8"}),
      doctest::Contains("batch=16, stage.0.epochs=1 stands there, batch=8, stage.0.epochs=2 here"), Error);
  CHECK_THROWS_WITH_AS(start("renamed", {"stage.0.name=other"}),
                       doctest::Contains("the first stage's name=dense stands there"), Error);
  CHECK_FALSE(fs::exists(runs / "longer"));
  fs::remove(runs / "first" / "0-dense" / "result.json");
  CHECK_THROWS_WITH_AS(start("early", changes),
                       doctest::Contains("has not reached the end of its first stage"), Error);
  CHECK_THROWS_WITH_AS(expect_run(runs / "absent"), doctest::Contains("is no run"), Error);
}

TEST_CASE("a start that was computed on another data set is refused") {
  Runs runs;
  runs.run("first", config_of(kTwoStages));
  testing::change_dataset(runs / "first" / "0-dense" / "checkpoint");
  ExperimentConfig config = config_of(kTwoStages, {"stage.1.prune.0.sparsity=0.9"});
  CHECK_THROWS_WITH_AS(take_common_start(config, runs / "taken", {runs / "first"}, runs.quiet.reporter),
                       doctest::Contains("was made with cifar10, but what is here is synthetic"), Error);
  CHECK_FALSE(fs::exists(runs / "taken"));
}

TEST_CASE("a lottery takes the first round of another, and what it rewinds to") {
  Runs runs;
  runs.run("first", config_of(kLottery));
  for (const char* change : {"stage.0.share=0.6", "stage.0.start=continue", "stage.0.rounds=2"}) {
    CAPTURE(change);
    const std::string name = std::string("taken-") + (change + 8), alone_name = "alone-" + name;
    const nlohmann::ordered_json alone = runs.run(alone_name.c_str(), config_of(kLottery, {change}));
    const nlohmann::ordered_json taken =
        runs.run(name.c_str(), config_of(kLottery, {change}), {runs / "first"});
    CHECK(weights_of(taken) == weights_of(alone));
    CHECK(taken["stages"][0]["rounds"][0]["taken_from"] == "first");
    CHECK(metrics_of(runs / name.c_str()) == metrics_of(runs / alone_name.c_str()));
  }
}

TEST_CASE("of several runs the one that has gone furthest in common gives the start") {
  Runs runs;
  const std::vector<std::string> third = {
      "stage=[{ name = \"dense\", epochs = 1 }, { kind = \"finetune\", epochs = 1, "
      "prune = [{ sparsity = 0.5 }] }, { kind = \"shrink\" }]"};
  runs.run("other", config_of(kTwoStages, {"stage.1.prune.0.sparsity=0.9"}));
  const nlohmann::ordered_json two = runs.run("two", config_of(kTwoStages));
  const nlohmann::ordered_json three =
      runs.run("three", config_of(kTwoStages, third), {runs / "other", runs / "two"});
  CHECK(three["stages"][0]["taken_from"] == "two");
  CHECK(three["stages"][1]["taken_from"] == "two");
  CHECK(three["stages"][1]["weights_sha256"] == weights_of(two));
}

TEST_CASE("a start that was half taken is taken again; a run under way keeps its own") {
  Runs runs;
  const nlohmann::ordered_json first = runs.run("first", config_of(kTwoStages));
  const std::vector<std::string> changes = {"stage.1.prune.0.sparsity=0.9"};
  const nlohmann::ordered_json alone = runs.run("alone", config_of(kTwoStages, changes));

  ExperimentConfig half = config_of(kTwoStages, changes);
  take_common_start(half, runs / "half", {runs / "first"}, runs.quiet.reporter);
  fs::remove(runs / "half" / "0-dense" / "result.json");
  fs::remove(runs / "half" / "0-dense" / "checkpoint" / "manifest.json");
  const nlohmann::ordered_json again = runs.run("half", std::move(half), {runs / "first"});
  CHECK(again["stages"][0]["taken_from"] == "first");
  CHECK(weights_of(again) == weights_of(alone));

  train::request_stop();
  CHECK_THROWS_AS(runs.run("begun", config_of(kTwoStages, changes)), Error);
  train::request_stop(false);
  const nlohmann::ordered_json begun = runs.run("begun", config_of(kTwoStages, changes), {runs / "first"});
  CHECK_FALSE(begun["stages"][0].contains("taken_from"));
  CHECK(weights_of(begun) == weights_of(alone));
}

TEST_CASE("a sweep that is killed in the middle of a common stage goes on to the same bits") {
  Runs runs;
  testing::write_text(runs / "base.toml", kTwoStages);
  testing::write_text(runs / "sweep.toml", R"(
name = "tiny"
base = "base.toml"
set = ["checkpoint.every_steps=1", "stage.0.epochs=8"]
[[row]]
name = "half"
[[row]]
name = "most"
set = ["stage.1.prune.0.sparsity=0.9"]
)");
  const std::vector<std::string> arguments = {"sweep", (runs / "sweep.toml").string(), "--threads", "1",
                                              "--out", (runs / "out").string()};
  const auto saved_a_step = [&] {
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(runs / "out", ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("step-") && !name.ends_with(".new")) return true;
    }
    return false;
  };
  {
    testing::Program program(arguments, runs / "log");
    while (program.running() && !saved_a_step()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    program.send(SIGKILL);
    REQUIRE(program.wait() == 128 + SIGKILL);
  }
  REQUIRE(testing::Program(arguments, runs / "log").wait() == 0);
  CHECK(read_file(runs / "log", 1 << 20).find("dense: resumed in epoch") != std::string::npos);
  const nlohmann::ordered_json alone = runs.run(
      "alone", config_of(kTwoStages, {"seed=1", "stage.0.epochs=8", "stage.1.prune.0.sparsity=0.9"}));
  int found = 0;
  for (const auto& entry : fs::directory_iterator(runs / "out")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("most-")) continue;
    ++found;
    const nlohmann::json most = testing::read_json(entry.path() / "summary.json");
    CHECK(most["weights_sha256"].get<std::string>() == weights_of(alone));
    CHECK(most["stages"][0]["taken_from"].get<std::string>().starts_with("half-"));
  }
  CHECK(found == 1);
}

}  // namespace espalier
