// The figures of a stage and of a whole experiment, as they stand in result.json and summary.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "datasets/dataset.h"
#include "experiments/experiment_config.h"
#include "experiments/stages/stage.h"
#include "framework/nn/summary.h"

namespace espalier {

nlohmann::ordered_json stage_summary(const StageContext& context, const std::string& kind,
                                     const StageResult& result, const nn::ModelSummary& cost);

nlohmann::ordered_json experiment_summary(ExperimentConfig& config, const datasets::Splits& data,
                                          const nlohmann::ordered_json& stages, const nn::ModelSummary& cost,
                                          nn::Module& model);

double density(const nn::LayerSummary& layer);
nlohmann::ordered_json layer_json(const nn::LayerSummary& layer);

// The table that a run ends with: accuracy, parameters, density by layer, time.
std::string summary_table(const nlohmann::ordered_json& summary);

}  // namespace espalier
