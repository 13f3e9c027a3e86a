// A run that is killed at any moment, or stopped in good order, ends with the same bits as one that was never
// stopped, whatever the number of threads.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>

#include "experiments/about.h"
#include "experiments/runner.h"
#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/train/stop.h"
#include "pruning/pruner.h"
#include "tests/experiments/program.h"
#include "tests/experiments/quiet.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::Program;
using testing::TemporaryDirectory;

// Two stages of ten steps, each with masks that change at every other step, averages and augmentation.
constexpr const char* kConfig = R"(
name = "tiny"
seed = 3
batch = 16
execution = "sparse"
[model]
kind = "resnet20"
width = 4
[data]
kind = "synthetic"
train_images = 72      # the last batch of an epoch is not full
validation_images = 10
test_images = 32
[augment]
crop_padding = 4
flip = true
[checkpoint]
every_steps = 3
[[stage]]
kind = "train"
epochs = 2
ema_decay = 0.9
label_smoothing = 0.1
optimizer = { kind = "sgd", lr = 0.05, momentum = 0.9, nesterov = true, weight_decay = 5e-4 }
[[stage.prune]]
sparsity = 0.5
schedule = { kind = "cubic", begin = 0.0, end = 0.8, every = 2 }
[[stage]]
kind = "finetune"
epochs = 2
optimizer = { kind = "adamw", lr = 0.001 }
[[stage.prune]]
sparsity = 0.8
scope = "per_layer"
schedule = { kind = "cubic", begin = 0.2, end = 0.9, every = 2 }
)";

// Rounds of five steps that rewind to a step in the middle of the first, with pruners of their own that learn
// from gradients.
constexpr const char* kLotteryConfig = R"(
name = "tickets"
seed = 3
batch = 16
model = { kind = "resnet20", width = 4 }
data = { kind = "synthetic", train_images = 72, test_images = 32 }
checkpoint = { every_steps = 2 }
[[stage]]
kind = "lottery"
rounds = 3
share = 0.4
rewind_step = 3
epochs = 1
ticket = { scope = "per_layer" }
controls = ["shuffle", "reinitialise"]
control_rounds = [2]
[[stage.prune]]
sparsity = 0.2
include = ["layer3.*"]
criterion = "movement"
schedule = { kind = "linear", begin = 0.2, end = 1.0, every = 2 }
[[stage.prune]]
sparsity = 0.3
include = ["layer2.*"]
criterion = { kind = "soft_movement", lr = 0.5, penalty = 1e4, threshold = 0.4 }
schedule = { kind = "cyclic", begin = 0.0, end = 1.0, every = 1, cycles = 2 }
)";

fs::path write_config(const TemporaryDirectory& directory, const char* text = kConfig) {
  const fs::path path = directory.path() / "tiny.toml";
  testing::write_text(path, text);
  return path;
}

std::vector<std::string> run_arguments(const fs::path& config, const fs::path& out, int threads = 1) {
  return {"run", config.string(), "--out", out.string(), "--threads", std::to_string(threads)};
}

std::string weights_of(const fs::path& run) {
  return testing::read_json(run / "summary.json").at("weights_sha256");
}

// The metrics without what depends on the clock.
std::string metrics_of(const fs::path& run) {
  std::string text;
  std::ifstream file(run / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    nlohmann::json json = nlohmann::json::parse(line);
    json.erase("seconds");
    text += json.dump() + "\n";
  }
  return text;
}

void check_killed_runs(const char* config_text) {
  const TemporaryDirectory directory;
  const fs::path config = write_config(directory, config_text);
  const fs::path whole = directory.path() / "whole";
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(Program(run_arguments(config, whole), directory.path() / "log").wait() == 0);
  const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - begin;

  Random random(1, "moments of death");
  constexpr int kTrials = 3, kMostKills = 8;
  int all_kills = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    CAPTURE(trial);
    const fs::path run = directory.path() / fmt::format("killed-{}", trial);
    int kills = 0;
    for (; kills < kMostKills; ++kills) {
      Program program(run_arguments(config, run, 1 + kills % 2), directory.path() / "log");
      ::usleep(static_cast<useconds_t>(1e6 * duration.count() * 0.7 * double{random.uniform()}));
      program.send(SIGKILL);
      if (program.wait() != 128 + SIGKILL) break;  // it was faster
    }
    CAPTURE(kills);
    all_kills += kills;
    const std::vector<std::string> resume = fs::exists(run / "config.toml")
                                                ? std::vector<std::string>{"resume", run.string()}
                                                : run_arguments(config, run);
    REQUIRE(Program(resume, directory.path() / "log").wait() == 0);
    CHECK(weights_of(run) == weights_of(whole));
    CHECK(metrics_of(run) == metrics_of(whole));
  }
  CHECK(all_kills > 0);
}

void run_here(const std::string& config_text, const fs::path& run) {
  testing::Quiet quiet;
  ExperimentConfig config = read_experiment(parse_config_text(config_text, "test.toml"));
  run_experiment(config, run, quiet.reporter);
}

// Runs in a scope are asked to stop after their first step.
struct StopAfterOneStep {
  StopAfterOneStep() { train::request_stop(); }
  ~StopAfterOneStep() { train::request_stop(false); }
};

// As if every step were a run of its own.
void check_stopped_after_every_step(const std::string& config_text, int steps) {
  const TemporaryDirectory directory;
  const fs::path whole = directory.path() / "whole", stopped = directory.path() / "stopped";
  run_here(config_text, whole);
  int stops = 0;
  for (bool done = false; !done && stops <= steps;) {
    const StopAfterOneStep stop;
    try {
      run_here(config_text, stopped);
      done = true;
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::stopped);
      ++stops;
    }
  }
  REQUIRE(stops == steps);
  // Layer by layer, which says whose pruner it was.
  const SavedModel expected = load_model(whole), found = load_model(stopped);
  const std::vector<nn::Parameter*> a = expected.model->parameters(), b = found.model->parameters();
  for (std::size_t p = 0; p < a.size(); ++p) {
    CAPTURE(a[p]->name);
    CHECK(a[p]->value.to_vector() == b[p]->value.to_vector());
  }
  CHECK(weights_of(stopped) == weights_of(whole));
}

// Ten steps.
std::string config_with(const std::vector<std::string>& pruners) {
  return fmt::format(R"(
seed = 3
batch = 16
model = {{ kind = "resnet20", width = 4 }}
data = {{ kind = "synthetic", train_images = 72, test_images = 16 }}
[[stage]]
epochs = 2
ema_decay = 0.9
prune = [
{}
]
)",
                     fmt::join(pruners, ",\n"));
}

// A part with the keys that let it do its work in ten steps: its own, or those that most have.
std::string part(const std::string& kind, const std::map<std::string, std::string>& own,
                 const std::string& others) {
  const auto keys = own.find(kind);
  return fmt::format("{{ kind = \"{}\"{} }}", kind, keys == own.end() ? others : keys->second);
}

// The first layers of ResNet-20's blocks, then the second ones.
std::vector<std::string> layers_of_blocks() {
  std::vector<std::string> names;
  for (int layer = 1; layer <= 2; ++layer) {
    for (int block = 0; block < 9; ++block)
      names.push_back(fmt::format("layer{}.{}.conv{}.weight", 1 + block / 3, block % 3, layer));
  }
  return names;
}

TEST_CASE("every schedule and every regrowth goes on from every step to the same bits") {
  const std::map<std::string, std::string> schedules = {
      {"one_shot", ", at = 0.5"},
      {"iterative", ", begin = 0.1, end = 0.9, rounds = 3"},
      {"cyclic", ", begin = 0.0, end = 1.0, every = 1, cycles = 2"}};
  const std::vector<std::string> layers = layers_of_blocks();
  std::vector<std::string> pruners;  // a layer each
  const auto add = [&](const std::string& key, const std::string& value) {
    pruners.push_back(fmt::format("{{ sparsity = 0.5, include = [\"{}\"], {} = {} }}",
                                  layers.at(pruners.size()), key, value));
  };
  for (const std::string& name : pruning::schedule_registry().names())
    add("schedule", part(name, schedules, ", begin = 0.1, end = 0.9, every = 2"));
  for (const std::string& name : pruning::regrow_registry().names())
    add("regrow", part(name, {{"none", ""}}, ", every = 2, end = 0.9"));
  check_stopped_after_every_step(config_with(pruners), 10);
}

TEST_CASE("every criterion that prunes in the middle of training goes on from every step to the same bits") {
  const std::string one_batch = ", batches = 1";
  const std::map<std::string, std::string> keys = {
      {"snip", one_batch},          {"grasp", one_batch},
      {"wanda", one_batch},         {"apoz", one_batch},
      {"mask_gradient", one_batch}, {"soft_movement", ", lr = 0.5, penalty = 1e4, threshold = 0.4"}};
  const std::vector<std::string> layers = layers_of_blocks();
  std::vector<std::string> pruners;  // of the blocks' first layers, by turns: their filters can go
  for (const std::string& name : pruning::criterion_registry().names()) {
    const auto criterion = pruning::criterion_registry().make(name);
    const bool filters = criterion->scores_filters() || criterion->scores_structures();
    pruners.push_back(fmt::format(
        "{{ sparsity = 0.5, include = [\"{}\"], criterion = {}, granularity = \"{}\", "
        "dependencies = {}, schedule = {{ kind = \"linear\", begin = 0.1, end = 0.9, every = 4 }} }}",
        layers.at(pruners.size() % 9), part(name, keys, ""), filters ? "filter" : "element",
        criterion->scores_structures()));
  }
  check_stopped_after_every_step(config_with(pruners), 10);
}

TEST_CASE("a lottery goes on from every step of its rounds to the same bits, wherever they start from") {
  struct Case {
    const char* start;
    int steps;  // of both rounds: one that is rewound goes on from where it was rewound to
  };
  for (const auto& [start, steps] :
       {Case{"start = \"rewind\"\nrewind_step = 1", 3}, Case{"start = \"continue\"\nretrain_lr = 0.1", 4},
        Case{"start = \"reinitialise\"", 4}, Case{"shuffle = true", 4}}) {
    CAPTURE(start);
    check_stopped_after_every_step(std::string(R"(
seed = 3
batch = 16
model = { kind = "resnet20", width = 4 }
data = { kind = "synthetic", train_images = 32, test_images = 16 }
[[stage]]
kind = "lottery"
rounds = 1
share = 0.5
epochs = 1
ticket = { criterion = { kind = "snip", batches = 1 } }
)") + start,
                                   steps);
  }
}

TEST_CASE("a run killed again and again resumes to the bits of one that was never stopped") {
  check_killed_runs(kConfig);
}

TEST_CASE(
    "a lottery killed in any of its rounds or controls resumes to the bits of one that was never stopped") {
  check_killed_runs(kLotteryConfig);
}

TEST_CASE("SIGTERM ends a run with exit code 75 and a checkpoint from which it goes on to the same bits") {
  const TemporaryDirectory directory;
  const fs::path config = write_config(directory);
  const fs::path whole = directory.path() / "whole", run = directory.path() / "stopped";
  REQUIRE(Program(run_arguments(config, whole), directory.path() / "log").wait() == 0);
  {
    Program program(run_arguments(config, run), directory.path() / "log");
    while (program.running() && !fs::exists(run / "0-train")) ::usleep(1000);  // until its first checkpoint
    program.send(SIGTERM);
    CHECK(program.wait() == 75);
  }
  CHECK(!fs::exists(run / "summary.json"));
  const testing::Outcome resumed = testing::run_program({"resume", run.string(), "--json"});
  CHECK(resumed.exit_code == 0);
  CHECK(weights_of(run) == weights_of(whole));
  CHECK(metrics_of(run) == metrics_of(whole));
}

TEST_CASE("weights are the same bits for 1, 2, 3 and 4 threads") {
  const TemporaryDirectory directory;
  const fs::path config = write_config(directory);
  std::string first;
  for (int threads = 1; threads <= 4; ++threads) {
    CAPTURE(threads);
    const fs::path run = directory.path() / std::to_string(threads);
    REQUIRE(Program(run_arguments(config, run, threads), directory.path() / "log").wait() == 0);
    if (first.empty()) first = weights_of(run);
    CHECK(weights_of(run) == first);
  }
}

TEST_CASE("a run that is complete is not run again, and its parts can be evaluated and inspected") {
  const TemporaryDirectory directory;
  const fs::path config = write_config(directory);
  const fs::path run = directory.path() / "run";
  REQUIRE(Program(run_arguments(config, run), directory.path() / "log").wait() == 0);
  const nlohmann::json summary = testing::read_json(run / "summary.json");
  for (const char* key : {"name", "config_hash", "model", "dataset", "seed", "epochs", "test_accuracy",
                          "parameters", "nonzero_parameters", "macs", "weights_sha256", "wall_seconds", "isa",
                          "backend", "threads", "build"}) {
    CAPTURE(key);
    CHECK(summary.contains(key));
  }
  CHECK(summary["epochs"] == 4);
  const testing::Outcome again = testing::run_program({"resume", run.string()});
  CHECK(again.exit_code == 0);
  CHECK(again.output.find("done before") != std::string::npos);
  CHECK(testing::read_json(run / "summary.json")["weights_sha256"] == summary["weights_sha256"]);

  const testing::Outcome eval = testing::run_program({"eval", run.string(), "--json"});
  REQUIRE(eval.exit_code == 0);
  const nlohmann::json evaluated = nlohmann::json::parse(eval.output);
  CHECK(evaluated["accuracy"] == summary["test_accuracy"]);
  // The directory of data is a text, also where it looks like a number.
  const testing::Outcome elsewhere =
      testing::run_program({"eval", run.string(), "--data", "2024", "data={ kind = \"image_folder\" }"});
  CHECK(elsewhere.exit_code == 5);
  CHECK(elsewhere.output.find("2024") != std::string::npos);
  CHECK(evaluated["weights_sha256"] == summary["weights_sha256"]);

  const testing::Outcome inspect =
      testing::run_program({"inspect", (run / "0-train" / "checkpoint").string(), "--json"});
  REQUIRE(inspect.exit_code == 0);
  const nlohmann::json inspected = nlohmann::json::parse(inspect.output);
  CHECK(inspected["nonzero_parameters"] == summary["stages"][0]["nonzero_parameters"]);
  CHECK(inspected["effective_macs"] < inspected["macs"]);

  // Another experiment does not go into the same directory.
  std::vector<std::string> other = run_arguments(config, run);
  other.push_back("seed=4");
  CHECK(testing::run_program(other).exit_code == 2);

  // A damaged checkpoint is refused.
  const fs::path weights = run / "1-finetune" / "checkpoint" / "model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) - 1);
  CHECK(testing::run_program({"eval", run.string()}).exit_code == 3);
  CHECK(testing::run_program({"inspect", run.string()}).exit_code == 3);
}

TEST_CASE("a run does not go on with another data set than it began with") {
  const TemporaryDirectory directory;
  const auto refuses = [&](const fs::path& run, const fs::path& checkpoint) {
    testing::change_dataset(run / checkpoint);
    const testing::Outcome outcome = testing::run_program({"resume", run.string()});
    CAPTURE(outcome.output);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.output.find("was made with cifar10, but what is here is synthetic") != std::string::npos);
  };
  const fs::path config = write_config(directory), done = directory.path() / "done";
  REQUIRE(Program(run_arguments(config, done), directory.path() / "log").wait() == 0);
  const nlohmann::json summary = testing::read_json(done / "summary.json");
  refuses(done, "0-train/checkpoint");
  CHECK(testing::read_json(done / "summary.json") == summary);

  const fs::path under_way = directory.path() / "under-way";
  {
    Program program(run_arguments(config, under_way), directory.path() / "log");
    while (program.running() && !fs::exists(under_way / "0-train")) ::usleep(1000);
    program.send(SIGTERM);
    REQUIRE(program.wait() == 75);
  }
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(under_way / "0-train"))
    newest = std::max(newest, entry.path());
  refuses(under_way, newest.lexically_relative(under_way));

  testing::write_text(config, kLotteryConfig);
  const fs::path tickets = directory.path() / "tickets";
  REQUIRE(Program(run_arguments(config, tickets), directory.path() / "log").wait() == 0);
  fs::remove(tickets / "0-lottery" / "result.json");
  refuses(tickets, "0-lottery/round-00/checkpoint");
}

TEST_CASE(
    "a disk that fills up ends the run with exit code 5, and room again lets it go on to the same bits") {
  const TemporaryDirectory directory;
  const fs::path config = write_config(directory);
  const fs::path whole = directory.path() / "whole", run = directory.path() / "full";
  REQUIRE(Program(run_arguments(config, whole), directory.path() / "log").wait() == 0);
  const testing::Outcome full = testing::run_program(run_arguments(config, run), 20000);
  CHECK(full.exit_code == 5);
  CHECK(full.output.find("make room") != std::string::npos);
  CHECK(testing::run_program({"resume", run.string()}).exit_code == 0);
  CHECK(weights_of(run) == weights_of(whole));
}

TEST_CASE("a learning rate out of all bounds ends the run with exit code 4, naming the step") {
  const TemporaryDirectory directory;
  const fs::path config = write_config(directory);
  std::vector<std::string> arguments = run_arguments(config, directory.path() / "run");
  arguments.push_back("stage.train.optimizer.lr=1e6");
  arguments.push_back("stage.train.schedule=constant");
  const testing::Outcome outcome = testing::run_program(arguments);
  CAPTURE(outcome.output);
  CHECK(outcome.exit_code == 4);
  CHECK(outcome.output.find("step") != std::string::npos);
}

}  // namespace
}  // namespace espalier
