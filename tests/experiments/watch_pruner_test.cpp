// All stages that prune say alike what cannot go, and what would have gone.
#include "experiments/stages/watch_pruner.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <memory>
#include <sstream>

#include "experiments/about.h"
#include "experiments/reporter.h"
#include "experiments/runner.h"
#include "framework/core/files.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

struct Run {
  std::string report;   // what a person saw
  std::string metrics;  // metrics.jsonl
  std::shared_ptr<nn::Module> model;
};

Run run(const std::string& stage) {
  const testing::TemporaryDirectory directory;
  ExperimentConfig config = read_experiment(parse_config_text(R"(
model = { kind = "resnet20", width = 4 }
data = { kind = "synthetic", train_images = 32, test_images = 16 }
batch = 16
[[stage]]
)" + stage,
                                                              "test.toml"));
  {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{
        std::fopen((directory.path() / "report").c_str(), "w"), &std::fclose};
    Reporter reporter(file.get());
    run_experiment(config, directory.path() / "run", reporter);
  }
  return {read_file(directory.path() / "report", 1 << 20),
          read_file(directory.path() / "run" / "metrics.jsonl", 1 << 20),
          load_model(directory.path() / "run").model};
}

// The lines that hold `words`, without the stage that they begin with.
std::string lines_with(const std::string& words, const std::string& report) {
  std::string found;
  std::istringstream lines(report);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(words) != std::string::npos) found += line.substr(line.find(": ")) + "\n";
  }
  return found;
}

// A stage of each kind that prunes, by what its lines begin with.
std::map<std::string, std::string> stages(const std::string& sparsity, const std::string& keys) {
  const std::string pruner = "prune = [{ sparsity = " + sparsity + ", " + keys + " }]";
  return {{"train", "epochs = 1\n" + pruner},
          {"prune", "kind = \"prune\"\n" + pruner},
          {"lottery 1", "kind = \"lottery\"\nepochs = 1\nrounds = 1\nsparsity = " + sparsity +
                            "\nticket = { " + keys + " }"}};
}

}  // namespace

TEST_CASE("every stage that prunes names the layers that would have lost all") {
  const std::string pruned = "layer2.0.conv2.weight";
  const std::string said =
      ": at step 0 these layers would have lost all they are allowed to keep: " + pruned + "\n";
  for (const auto& [label, stage] : stages("1.0", "include = [\"" + pruned + "\"]")) {
    CAPTURE(label);
    const Run done = run(stage);
    CHECK(lines_with(": at step", done.report) == said);
    CHECK(done.report.find(label + said) != std::string::npos);
    CHECK(done.metrics.find("\"event\":\"prune\"") != std::string::npos);
    for (const nn::Parameter* p : done.model->parameters()) {
      CAPTURE(p->name);
      CHECK(p->nonzeros() == (p->name == pruned ? 1 : p->value.numel()));
    }
  }
}

TEST_CASE("every stage that prunes structures says alike which cannot go") {
  std::map<std::string, std::string> said;
  for (const auto& [label, stage] : stages("0.5", "granularity = \"filter\", dependencies = true"))
    said[label] = lines_with("cannot be pruned", run(stage).report);
  CHECK(said["train"].find("fc.weight cannot be pruned: ") != std::string::npos);
  CHECK(said["prune"] == said["train"]);
  CHECK(said["lottery 1"] == said["train"]);
}

}  // namespace espalier
