// A stage: one thing that is done to the model of an experiment. It reads what the stages before it left and
// writes its own outputs once; a stage whose outputs exist is skipped, so an interrupted experiment goes on
// where it was. To add one: a file here, and a row in registry.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "framework/core/fields.h"
#include "framework/core/registry.h"
#include "framework/nn/module.h"

namespace espalier {

struct ExperimentConfig;
class StageDirectory;
class Reporter;

// What a stage is given.
struct StageInputs {
  ExperimentConfig& config;
  std::size_t index;  // of the stage
  nn::Module& model;
  const datasets::Splits& data;
};

// What a stage works with.
struct StageContext : StageInputs {
  std::string label;
  StageDirectory& directory;
  Reporter& reporter;
};

// What a stage says of its outcome.
struct StageResult {
  std::int64_t epochs = 0, steps = 0;  // trained; an epoch that it begins within counts
  std::optional<double> test_accuracy_percent, test_loss, validation_accuracy_percent;
  double wall_seconds = 0.0;
  // Of a stage that trains in rounds: what each came to, as it stands in its result.json.
  std::vector<nlohmann::ordered_json> rounds;
  // What else it did, by key of its result.json; null: nothing.
  nlohmann::ordered_json details;
};

class Stage {
 public:
  virtual ~Stage() = default;
  virtual void fields(FieldVisitor& v) = 0;
  // Throws Error (usage) where run() would refuse its settings. Asked of all stages before the first begins,
  // so that a mistake in the last one does not wait for the others to end. The model has its initial weights.
  virtual void rehearse(const StageInputs&) const {}
  // Does it leave other layers than the model began with, which the stages after it are meant for?
  virtual bool rebuilds_model() const { return false; }
  // Works on the model in place, resuming where an earlier attempt was. Throws Error (stopped) when a signal
  // asked it to end early; then its state is saved.
  virtual StageResult run(StageContext& context) const = 0;
};

const Registry<Stage>& stage_registry();

}  // namespace espalier
