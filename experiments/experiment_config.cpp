#include "experiments/experiment_config.h"

#include <algorithm>

#include "experiments/config/reader.h"
#include "experiments/deciding_lines.h"
#include "framework/core/sha256.h"
#include "framework/nn/execution.h"

namespace espalier {
namespace {

void check_names_directory(const char* what, const std::string& name) {
  constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (!name.empty() && name.size() <= 100 && name.front() != '.' &&
      name.find_first_not_of(kLetters) == std::string::npos) {
    return;
  }
  fail(ErrorKind::usage, "config",
       "{} '{}' becomes that of a directory: use letters, digits, '.', '_' and '-'", what, name);
}

}  // namespace

void CheckpointSettings::fields(FieldVisitor& v) {
  v.field("every_steps", every_steps, "steps between checkpoints; 0: by time alone", {0, 1'000'000'000});
  v.field("every_minutes", every_minutes, "minutes between checkpoints, at most; 0: by steps alone",
          {0.0, 100000.0});
}

void StageConfig::fields(FieldVisitor& v) {
  v.field("name", name, "what the stage is called in reports and overrides; empty: its kind");
  v.inline_part("kind", kind, stage, stage_registry(), "what the stage does");
}

void ExperimentConfig::fields(FieldVisitor& v) {
  v.field("name", name, "what the experiment and its run directory are called");
  v.field("seed", seed, "of initialisation, order of images and augmentation", {0, 1LL << 53});
  v.part("model", model_kind, model, models::model_registry(), "the network");
  v.table("budget", budget, "a narrower model of part of the cost: the control trained from scratch");
  v.part("data", data_kind, data, datasets::dataset_registry(), "what it learns from");
  v.table("augment", augment, "random changes of training images");
  v.field("batch", batch, "images of a batch in training", {1, 65536});
  v.field("execution", execution,
          "layers with pruned weights: sparse kernels where they are faster, never, or always",
          nn::execution_names());
  v.field("precision", precision,
          "activations and their gradients in memory: f32, or bf16 in half of it; weights and sums are f32",
          {"f32", "bf16"});
  v.table("evaluate", evaluate, "how accuracy is measured");
  v.table("checkpoint", checkpoint, "how often the state of training is saved");
  v.tables("stage", stages, "what is done, in order");
}

std::shared_ptr<nn::Module> ExperimentConfig::build_model(const Shape& image, std::int64_t classes) {
  const auto from = static_cast<std::uint64_t>(seed);
  if (budget.fraction == 1.0) return model->build(image, classes, from);
  if (!width_within_budget) width_within_budget = models::width_within(*model, budget, image, classes);
  return models::build_at_width(*model, *width_within_budget, image, classes, from);
}

ExperimentConfig read_experiment(ConfigNode document, const std::vector<std::string>& overrides) {
  for (const std::string& assignment : overrides) apply_override(document, assignment);
  ExperimentConfig config;
  read_config(document, config);
  if (config.stages.empty()) fail(ErrorKind::usage, "config", "there is no [[stage]]: nothing to do");
  check_names_directory("name", config.name);
  for (const StageConfig& stage : config.stages) check_names_directory("stage name", stage.label());
  return config;
}

std::string config_hash(ExperimentConfig& config) {
  std::string text;
  for (const std::string& line : deciding_lines(config)) text += line + "\n";
  return sha256_hex(text);
}

}  // namespace espalier
