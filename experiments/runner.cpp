#include "experiments/runner.h"

#include <algorithm>
#include <functional>

#include "datasets/loader.h"
#include "experiments/about.h"
#include "experiments/config/toml_writer.h"
#include "experiments/run_directory.h"
#include "experiments/stages/complete_stage.h"
#include "experiments/summary.h"
#include "framework/core/files.h"
#include "framework/nn/execution.h"
#include "framework/nn/modules/whitening_conv2d.h"
#include "framework/nn/summary.h"
#include "framework/tensor/lanes.h"

namespace espalier {
namespace {

// The first of the training images, as the network sees them without augmentation: plain [N, C, H, W].
Tensor sample_of(const datasets::Splits& data) {
  constexpr std::int64_t kSample = 5000;
  datasets::LoaderOptions options;
  options.batch = std::min(kSample, data.train->size());
  options.normalisation = data.normalisation;
  datasets::Loader loader(data.train, options);
  loader.start(0);
  return from_lanes(loader.next()->images);
}

void rehearse_stages(ExperimentConfig& config, nn::Module& model, const datasets::Splits& data,
                     const std::function<bool(std::size_t)>& is_complete) {
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    if (!is_complete(i)) config.stages[i].stage->rehearse({config, i, model, data});
    if (config.stages[i].stage->rebuilds_model()) return;
  }
}

}  // namespace

void rehearse_experiment(ExperimentConfig& config, const datasets::Splits& data) {
  const auto model = config.build_model(data.train->image_shape(), data.train->classes());
  rehearse_stages(config, *model, data, [](std::size_t) { return false; });
}

std::filesystem::path default_run_directory(ExperimentConfig& config) {
  return std::filesystem::path("runs") / fmt::format("{}-{}", config.name, config_hash(config).substr(0, 8));
}

nlohmann::ordered_json run_experiment(ExperimentConfig& config, const std::filesystem::path& path,
                                      Reporter& reporter, const std::optional<RunKernels>& adopted) {
  const std::string hash = config_hash(config);
  const auto note = [&](const std::string& text) { reporter.line(fmt::format("kernels     {}", text)); };
  RunDirectory directory(path, config_toml(config), hash, note, adopted);
  reporter.line(fmt::format("experiment  {} ({}) in {}", config.name, hash.substr(0, 8), path.string()));
  const datasets::Splits data = config.data->load();
  reporter.line(fmt::format("data        {}", data.description));
  const std::shared_ptr<nn::Module> model =
      config.build_model(data.train->image_shape(), data.train->classes());
  nn::fit_whitening(*model, [&] { return sample_of(data); });
  nn::set_execution(*model, nn::execution_from(config.execution));
  reporter.line(fmt::format("model       {}, {} parameters", config.model_kind, model->parameter_count()));

  rehearse_stages(config, *model, data,
                  [&](std::size_t i) { return directory.stage(i, config.stages[i].label()).is_complete(); });
  directory.keep();
  nlohmann::ordered_json stages = nlohmann::ordered_json::array();
  std::int64_t metrics_bytes = 0;  // of the stages that are complete
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    const StageConfig& stage = config.stages[i];
    StageDirectory stage_directory = directory.stage(i, stage.label());
    if (stage_directory.is_complete()) {
      reporter.line(fmt::format("{}: done before", stage.label()));
      stages.push_back(stage_directory.result());
      metrics_bytes = stages.back().value("metrics_bytes", std::int64_t{0});
      const train::Checkpoint checkpoint = train::load_checkpoint(stage_directory.final_checkpoint());
      expect_dataset(checkpoint, stage_directory.final_checkpoint(), data);
      load_saved(*model, checkpoint);
      continue;
    }
    if (!stage_directory.is_under_way()) directory.metrics().truncate(metrics_bytes);
    StageContext context{{config, i, *model, data}, stage.label(), stage_directory, reporter};
    complete_stage(context, stage.kind, stage.stage->run(context));
    stages.push_back(stage_directory.result());
    metrics_bytes = stages.back().value("metrics_bytes", std::int64_t{0});
  }
  const nn::ModelSummary cost = nn::summary(*model, data.test->image_shape());
  nlohmann::ordered_json summary = experiment_summary(config, data, stages, cost, *model);
  summary["kernels"] = directory.kernels().tuned() ? "measured" : "fixed";
  write_file_durably(path / kSummaryFile, summary.dump(2) + "\n");
  return summary;
}

}  // namespace espalier
