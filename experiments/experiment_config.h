// What an experiment is: a model, data, and a list of stages that one after the other work on the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/augment/augmentation.h"
#include "datasets/dataset.h"
#include "experiments/config/document.h"
#include "experiments/measure.h"
#include "experiments/stages/stage.h"
#include "framework/core/fields.h"
#include "models/fit_width.h"
#include "models/registry.h"

namespace espalier {

struct CheckpointSettings {
  std::int64_t every_steps = 0;
  double every_minutes = 5.0;

  void fields(FieldVisitor& v);
};

struct StageConfig {
  std::string name;
  std::string kind = "train";
  std::unique_ptr<Stage> stage;

  void fields(FieldVisitor& v);
  // The name, or else the kind.
  const std::string& label() const { return name.empty() ? kind : name; }
};

struct ExperimentConfig {
  std::string name = "experiment";
  std::int64_t seed = 0;
  std::string model_kind = "resnet20";
  std::unique_ptr<models::ModelSpec> model;
  models::Budget budget;
  std::string data_kind = "cifar10";
  std::unique_ptr<datasets::DatasetSpec> data;
  datasets::Augmentation augment;
  std::int64_t batch = 128;
  std::string execution = "auto";
  std::string precision = "f32";
  EvaluationSettings evaluate;
  CheckpointSettings checkpoint;
  std::vector<StageConfig> stages;
  // What the budget came to: found by build_model, or told by a checkpoint. No key.
  std::optional<std::int64_t> width_within_budget;

  void fields(FieldVisitor& v);
  // What `precision` says activations are made of.
  DType activation_type() const { return precision == "bf16" ? DType::bf16 : DType::f32; }
  // The network with its initial weights, within the budget. `image` is [C, H, W].
  std::shared_ptr<nn::Module> build_model(const Shape& image, std::int64_t classes);
};

// Reads a config and what the command line changes in it. Throws Error (usage) that lists every problem.
ExperimentConfig read_experiment(ConfigNode document, const std::vector<std::string>& overrides = {});

// SHA-256 over the canonical lines of what decides the result. Where data lies, how often a checkpoint is
// written and what the experiment is called do not.
std::string config_hash(ExperimentConfig& config);

}  // namespace espalier
