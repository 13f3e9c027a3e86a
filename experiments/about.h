// What a checkpoint says of itself: enough to rebuild its model, and find its data, without the user naming
// anything.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "experiments/experiment_config.h"
#include "framework/core/error.h"
#include "framework/train/callback.h"
#include "framework/train/checkpoint.h"

namespace espalier {

nlohmann::json about_stage(const StageContext& context);

// Makes the model what a checkpoint of its kind holds: shallower and narrower where it was shrunk, then
// values and masks. Throws Error (integrity), naming what does not fit.
void load_saved(nn::Module& model, const train::Checkpoint& checkpoint);

// Throws Error (usage), naming both, unless the checkpoint at `path` was made with this data. Where data lies
// is no part of what identifies a run, so another set may have been found there since.
void expect_dataset(const train::Checkpoint& checkpoint, const std::filesystem::path& path,
                    const datasets::Splits& data);

nlohmann::json progress_to_json(const train::Progress& progress);
// Throws Error (integrity) when it is not what progress_to_json makes.
train::Progress progress_from_json(const nlohmann::json& json);

// Member `key` of a checkpoint's description, of type T; throws Error (integrity) when it is missing or of
// another type.
template <class T>
T about_value(const nlohmann::json& object, const char* key) {
  try {
    return object.at(key).get<T>();
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::integrity, "checkpoint", "the manifest's '{}' is missing or wrong: {}", key,
         error.what());
  }
}

// A model out of a checkpoint, with the experiment it belongs to.
struct SavedModel {
  std::filesystem::path directory;  // of the checkpoint
  std::int64_t size_bytes = 0;      // of its files
  std::string config_text, config_hash;
  ExperimentConfig config;
  std::shared_ptr<nn::Module> model;
  Shape image_shape;  // [C, H, W]
  std::int64_t classes = 0;
};

// Of a checkpoint directory, or of a run directory: then the last stage that is complete.
SavedModel load_model(const std::filesystem::path& path);

// What running a model out of a file may take: half of the memory that the machine has left. The file says
// how large its images are, and may lie. For an AllocationBudget.
std::size_t running_budget_bytes();

}  // namespace espalier
