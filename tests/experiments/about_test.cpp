#include "experiments/about.h"

#include <doctest/doctest.h>

#include <functional>

#include "experiments/config/toml_writer.h"
#include "experiments/reporter.h"
#include "experiments/run_directory.h"
#include "framework/tensor/storage.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

constexpr const char* kConfig = R"(
model = { kind = "resnet20", width = 1 }
data = { kind = "synthetic", train_images = 1, test_images = 1 }
[[stage]]
)";

// The description of a checkpoint of this config's model, untrained.
train::Checkpoint sample_checkpoint(const std::vector<std::string>& overrides = {}) {
  ExperimentConfig config = read_experiment(parse_config_text(kConfig, "test.toml"), overrides);
  const datasets::Splits data = config.data->load();
  const std::shared_ptr<nn::Module> model = config.build_model({3, 32, 32}, 10);
  MetricsFile metrics("unused");
  StageDirectory directory("unused", metrics);
  Reporter reporter(stderr);
  StageContext context{{config, 0, *model, data}, "train", directory, reporter};
  NamedTensors tensors;
  for (const auto& [name, tensor] : train::model_tensors(*model)) tensors.emplace_back(name, tensor.clone());
  return {about_stage(context), std::move(tensors), std::nullopt};
}

int exit_code_of_loading(const std::filesystem::path& path) {
  try {
    load_model(path);
    return 0;
  } catch (const Error& error) { return error.exit_code(); }
}

TEST_CASE("a model comes back from its checkpoint without its class being named") {
  const testing::TemporaryDirectory directory;
  train::save_checkpoint(directory.path() / "0-train" / "checkpoint", sample_checkpoint());
  const SavedModel saved = load_model(directory.path());
  CHECK(saved.config.model_kind == "resnet20");
  CHECK(saved.image_shape == Shape({3, 32, 32}));
  CHECK(saved.model->parameter_count() > 0);
  CHECK(saved.size_bytes > 0);
}

TEST_CASE("a model within a budget comes back with the width that it had") {
  const std::string text = std::string("budget = { of = \"macs\", fraction = 0.5 }\n") + kConfig;
  ExperimentConfig config = read_experiment(parse_config_text(text, "test.toml"), {"model.width=8"});
  const auto model = config.build_model({3, 32, 32}, 10);
  CHECK(model->parameters()[0]->value.dim(0) == 5);  // 25/64 of the multiply-adds; 6 would be 36/64
  ExperimentConfig again = read_experiment(parse_config_text(config_toml(config), "test.toml"));
  CHECK(config_hash(again) == config_hash(config));
  CHECK(again.build_model({3, 32, 32}, 10)->parameter_count() == model->parameter_count());
}

// The widest model that the search tries is far larger than what a checkpoint may make its reader allocate.
using Json = nlohmann::json;

TEST_CASE("a checkpoint of a model within a budget opens, and not at a width that its file does not have") {
  const testing::TemporaryDirectory directory;
  train::Checkpoint checkpoint =
      sample_checkpoint({"budget.of=macs", "budget.fraction=0.1", "model.width=40"});
  train::save_checkpoint(directory.path() / "good", checkpoint);
  CHECK(load_model(directory.path() / "good").model->parameters()[0]->value.dim(0) ==
        12);  // 12/40 squared: 0.09
  for (const Json& width : {Json(0), Json(4000), Json(std::int64_t{1} << 60), Json("a"), Json()}) {
    CAPTURE(width.dump());
    checkpoint.about["model"]["width"] = width;
    train::save_checkpoint(directory.path() / "bad", checkpoint);
    CHECK(exit_code_of_loading(directory.path() / "bad") == 3);
  }
  checkpoint.about["model"].erase("width");
  train::save_checkpoint(directory.path() / "bad", checkpoint);
  CHECK(exit_code_of_loading(directory.path() / "bad") == 3);
}

TEST_CASE("descriptions that lie are refused with 3") {
  const testing::TemporaryDirectory directory;
  const train::Checkpoint good = sample_checkpoint();
  const auto with = [&](const std::function<void(nlohmann::json&)>& change) {
    train::Checkpoint checkpoint = good;
    change(checkpoint.about);
    train::save_checkpoint(directory.path() / "c", checkpoint);
    return exit_code_of_loading(directory.path() / "c");
  };
  CHECK(with([](Json&) {}) == 0);
  CHECK(with([](Json& a) { a.erase("config"); }) == 3);
  CHECK(with([](Json& a) { a["config"] = 3; }) == 3);
  CHECK(with([](Json& a) { a["config"] = "[[stage"; }) == 3);
  CHECK(with([](Json& a) { a["config"] = "model = \"resnet18\"\n[[stage]]\n"; }) == 3);
  CHECK(with([](Json& a) { a["config_hash"] = "0"; }) == 3);
  CHECK(with([](Json& a) { a.erase("config_hash"); }) == 3);
  CHECK(with([](Json& a) { a["model"] = 3; }) == 3);
  CHECK(with([](Json& a) { a["model"]["classes"] = 11; }) == 3);
  CHECK(with([](Json& a) { a["model"]["classes"] = 0; }) == 3);
  CHECK(with([](Json& a) { a["model"]["classes"] = "ten"; }) == 3);
  CHECK(with([](Json& a) { a["model"]["classes"] = 1LL << 62; }) == 3);
  CHECK(with([](Json& a) { a["model"]["image"] = Json::array({3, 32}); }) == 3);
  CHECK(with([](Json& a) { a["model"]["image"] = Json::array({-3, 32, 32}); }) == 3);
  CHECK(with([](Json& a) { a["model"]["image"] = Json::array({1, 32, 32}); }) == 3);
  CHECK(with([](Json& a) { a["model"]["image"] = Json::array({3, 1LL << 40, 32}); }) == 3);
  CHECK(with([](Json& a) { a["model"]["image"] = Json::array({3, 513, 32}); }) == 3);
  CHECK(with([](Json& a) { a["model"]["image"] = Json::array({16384, 32, 32}); }) == 3);
  for (const Json& sizes : {Json({-1, 3, 3, 3}), Json({0, 3, 3, 3}), Json({1, 3, 3, 1LL << 40}), Json(3)}) {
    CAPTURE(sizes.dump());
    CHECK(with([&](Json& a) { a["model"]["shapes"]["conv1.weight"] = sizes; }) == 3);
  }
}

TEST_CASE("a manifest cannot ask for a model larger than its file") {
  const testing::TemporaryDirectory directory;
  train::Checkpoint checkpoint = sample_checkpoint();
  std::string text = kConfig;
  text.replace(text.find("width = 1"), 9, "width = 1024");
  ExperimentConfig config = read_experiment(parse_config_text(text, "test.toml"));
  checkpoint.about["config"] = config_toml(config);
  checkpoint.about["config_hash"] = config_hash(config);
  train::save_checkpoint(directory.path() / "c", checkpoint);
  const std::size_t before = allocator_stats().reserved_bytes;
  CHECK(exit_code_of_loading(directory.path() / "c") == 3);
  CHECK(allocator_stats().reserved_bytes - before < 8 << 20);
}

TEST_CASE("a damaged checkpoint of a stage is refused, and the one before it is still there") {
  const testing::TemporaryDirectory directory;
  MetricsFile metrics(directory.path() / "metrics.jsonl");
  StageDirectory stage(directory.path() / "0-train", metrics);
  for (std::int64_t step : {5, 10, 15}) stage.save_progress(step, sample_checkpoint());
  const std::filesystem::path newest = directory.path() / "0-train" / "step-0000000015";
  CHECK_FALSE(std::filesystem::exists(directory.path() / "0-train" / "step-0000000005"));
  std::filesystem::resize_file(newest / "model.safetensors", 100);
  try {
    stage.progress();
    FAIL("the damage was not seen");
  } catch (const Error& error) {
    CHECK(error.exit_code() == 3);
    CHECK(std::string(error.what()).find("go on from step-0000000010") != std::string::npos);
  }
  std::filesystem::remove_all(newest);
  CHECK(stage.progress().has_value());
}

TEST_CASE("a run directory belongs to one process at a time") {
  const testing::TemporaryDirectory directory;
  ExperimentConfig config = read_experiment(parse_config_text(kConfig, "test.toml"));
  const auto open = [&] { RunDirectory(directory.path(), kConfig, config_hash(config)); };
  {
    const RunDirectory holder(directory.path(), kConfig, config_hash(config));
    CHECK_THROWS_WITH_AS(open(), doctest::Contains("in use by another process"), Error);
  }
  open();
}

TEST_CASE("a position out of a checkpoint is checked") {
  const train::Progress progress{2, 3, 11, {0.1, 4, 5}};
  const train::Progress same = progress_from_json(progress_to_json(progress));
  CHECK(same.epoch == 2);
  CHECK(same.batch == 3);
  CHECK(same.step == 11);
  CHECK(same.metrics.loss_sum == 0.1);
  CHECK(same.metrics.correct == 4);
  CHECK(same.metrics.images == 5);
  for (const char* key : {"epoch", "batch", "step", "correct", "images"}) {
    for (const nlohmann::json& bad : {nlohmann::json(-1), nlohmann::json(1.5), nlohmann::json("1"),
                                      nlohmann::json(nullptr), nlohmann::json(~std::uint64_t{0})}) {
      nlohmann::json json = progress_to_json(progress);
      json[key] = bad;
      CHECK_THROWS_AS(progress_from_json(json), Error);
    }
  }
}

}  // namespace
}  // namespace espalier
