#include "experiments/about.h"

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

#include "experiments/config/toml_writer.h"
#include "experiments/system_info.h"
#include "framework/autograd/node.h"
#include "framework/nn/resize.h"
#include "framework/tensor/storage.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// Sizes beyond which a manifest cannot mean what it says: no data set gives larger images.
constexpr std::int64_t kMaxChannels = 4, kMaxClasses = 1 << 20, kMaxWidth = 1 << 16;
// What a model may have had more before it was shrunk than it has now.
constexpr std::size_t kMaxRemovedBytes = std::size_t{1} << 30;

Shape read_image_shape(const nlohmann::json& model) {
  const auto sizes = about_value<std::vector<std::int64_t>>(model, "image");
  const auto within = [](std::int64_t size, std::int64_t most) { return size > 0 && size <= most; };
  const bool sane = sizes.size() == 3 && within(sizes[0], kMaxChannels) &&
                    within(sizes[1], datasets::kMaxImageSide) && within(sizes[2], datasets::kMaxImageSide);
  if (!sane) fail(ErrorKind::integrity, "checkpoint", "the manifest's image is no [C, H, W]");
  return Shape(sizes);
}

// The checkpoint that `path` means.
fs::path resolve(const fs::path& path) {
  if (train::is_checkpoint(path)) return path;
  std::vector<std::pair<std::int64_t, fs::path>> stages;  // number, checkpoint
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const std::string name = entry.path().filename().string();
    const std::size_t dash = name.find('-');
    const bool numbered =
        dash != std::string::npos && dash > 0 && dash < 9 && name.find_first_not_of("0123456789") == dash;
    if (numbered && train::is_checkpoint(entry.path() / "checkpoint"))
      stages.emplace_back(std::stoll(name), entry.path() / "checkpoint");
  }
  if (error) fail(ErrorKind::io, "checkpoint", "cannot read {}: {}", path.string(), error.message());
  if (stages.empty())
    fail(ErrorKind::integrity, "checkpoint", "{} is no checkpoint, and no run with a complete stage",
         path.string());
  return std::max_element(stages.begin(), stages.end())->second;
}

// Shapes of a shrunk model's parameters and buffers that are not those of its spec, by name.
std::map<std::string, Shape> read_shapes(const nlohmann::json& model) {
  std::map<std::string, Shape> shapes;
  if (!model.contains("shapes")) return shapes;
  using Sizes = std::map<std::string, std::vector<std::int64_t>>;
  for (const auto& [name, sizes] : about_value<Sizes>(model, "shapes")) {
    const bool sane = sizes.size() <= Shape::kMaxRank &&
                      std::all_of(sizes.begin(), sizes.end(), [](std::int64_t size) { return size > 0; });
    if (!sane)
      fail(ErrorKind::integrity, "checkpoint", "the manifest's shape of {} is none: [{}]", name,
           fmt::join(sizes, ", "));
    shapes[name] = Shape(sizes);
  }
  return shapes;
}

// Residual branches that a shrunk model does without.
std::vector<std::string> read_dropped(const nlohmann::json& model) {
  if (!model.contains("dropped")) return {};
  return about_value<std::vector<std::string>>(model, "dropped");
}

bool is_shrunk(const nlohmann::json& model) { return model.contains("shapes") || model.contains("dropped"); }

// What the tensors hold, room for what a module keeps beside its parameters, and what was removed.
std::size_t building_budget(const train::Checkpoint& checkpoint, const nlohmann::json& described) {
  std::size_t sum = 0;
  for (const auto& [name, tensor] : checkpoint.model)
    sum += static_cast<std::size_t>(tensor.numel()) * size_bytes(tensor.dtype());
  sum += sum / 8 + (1 << 20);  // the allocator rounds sizes up
  return is_shrunk(described) ? sum + kMaxRemovedBytes : sum;
}

// Do the widths that a manifest gives fit each other?
void check_runs(nn::Module& model, const Shape& image, std::int64_t classes) {
  const NoGrad off;
  const AllocationBudget budget(running_budget_bytes());
  model.eval();
  try {
    const Tensor logits = model(Tensor::zeros({1, image[0], image[1], image[2]}, Layout::lanes));
    check(logits.shape() == Shape({1, classes}), "checkpoint", "it gives logits {}", logits.shape().str());
  } catch (const Error& error) {
    fail(ErrorKind::integrity, "checkpoint", "the manifest's shapes make no model: {}", error.what());
  }
  model.train();
}

}  // namespace

nlohmann::json about_stage(const StageContext& context) {
  const Shape image = context.data.test->image_shape();
  nlohmann::json model = {{"kind", context.config.model_kind},
                          {"image", std::vector<std::int64_t>(image.begin(), image.end())},
                          {"classes", context.data.test->classes()}};
  if (context.config.width_within_budget) model["width"] = *context.config.width_within_budget;
  for (const auto& [name, shape] : nn::resized_shapes(context.model))
    model["shapes"][name] = std::vector<std::int64_t>(shape.begin(), shape.end());
  for (const std::string& branch : nn::dropped_branches(context.model)) model["dropped"].push_back(branch);
  return {{"config", config_toml(context.config)},
          {"config_hash", config_hash(context.config)},
          {"model", model},
          {"dataset", context.data.name},
          {"stage", {{"index", context.index}, {"label", context.label}}}};
}

void load_saved(nn::Module& model, const train::Checkpoint& checkpoint) {
  const auto described = about_value<nlohmann::json>(checkpoint.about, "model");
  const std::vector<std::string> dropped = nn::dropped_branches(model);
  for (const std::string& branch : read_dropped(described)) {
    if (std::find(dropped.begin(), dropped.end(), branch) == dropped.end() &&
        !nn::drop_branch_(model, branch))
      fail(ErrorKind::integrity, "checkpoint", "the manifest drops {}, which the model cannot do without",
           branch);
  }
  nn::resize_(model, read_shapes(described));
  train::load_model_tensors(model, checkpoint.model);
}

void expect_dataset(const train::Checkpoint& checkpoint, const fs::path& path, const datasets::Splits& data) {
  const auto dataset = about_value<std::string>(checkpoint.about, "dataset");
  if (dataset == data.name) return;
  fail(ErrorKind::usage, "data",
       "{} was made with {}, but what is here is {}; say where {} lies ($ESPALIER_DATA, data.path), or begin "
       "anew in another directory",
       path.string(), dataset, data.name, dataset);
}

nlohmann::json progress_to_json(const train::Progress& progress) {
  return {{"epoch", progress.epoch},
          {"batch", progress.batch},
          {"step", progress.step},
          {"loss_sum", progress.metrics.loss_sum},
          {"correct", progress.metrics.correct},
          {"images", progress.metrics.images}};
}

train::Progress progress_from_json(const nlohmann::json& json) {
  const auto count = [&](const char* key) {
    const auto value = about_value<std::int64_t>(json, key);
    if (value < 0 || value > std::numeric_limits<std::int64_t>::max() / 4 || !json[key].is_number_integer())
      fail(ErrorKind::integrity, "checkpoint", "the manifest's '{}' is no count", key);
    return value;
  };
  return {count("epoch"),
          count("batch"),
          count("step"),
          {about_value<double>(json, "loss_sum"), count("correct"), count("images")}};
}

std::size_t running_budget_bytes() {
  const std::int64_t available = memory_available_bytes();
  constexpr std::int64_t kUnknown = std::int64_t{2} << 30;
  return static_cast<std::size_t>((available > 0 ? available : kUnknown) / 2);
}

SavedModel load_model(const fs::path& path) {
  SavedModel saved;
  const fs::path directory = saved.directory = resolve(path);
  const train::Checkpoint checkpoint = train::load_checkpoint(directory);
  saved.config_text = about_value<std::string>(checkpoint.about, "config");
  saved.config_hash = about_value<std::string>(checkpoint.about, "config_hash");
  const auto described = about_value<nlohmann::json>(checkpoint.about, "model");
  try {
    saved.config =
        read_experiment(parse_config_text(saved.config_text, (directory / "manifest.json: config").string()));
  } catch (const Error& error) {  // not the user's config: the file's
    fail(ErrorKind::integrity, "checkpoint", "{}", error.what());
  }
  if (config_hash(saved.config) != saved.config_hash)
    fail(ErrorKind::integrity, "checkpoint", "the manifest's config is not that of its config_hash");
  saved.image_shape = read_image_shape(described);
  const std::int64_t classes = saved.classes = about_value<std::int64_t>(described, "classes");
  if (classes < 1 || classes > kMaxClasses)
    fail(ErrorKind::integrity, "checkpoint", "the manifest's classes are {}", classes);
  // To search it again would take models that are larger than what was saved.
  if (saved.config.budget.fraction != 1.0) {
    const auto width = about_value<std::int64_t>(described, "width");
    if (width < 1 || width > kMaxWidth)
      fail(ErrorKind::integrity, "checkpoint", "the manifest's width is {}", width);
    saved.config.width_within_budget = width;
  }
  {
    const AllocationBudget budget(building_budget(checkpoint, described));
    saved.model = saved.config.build_model(saved.image_shape, classes);
  }
  load_saved(*saved.model, checkpoint);
  if (is_shrunk(described)) check_runs(*saved.model, saved.image_shape, classes);
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.is_regular_file()) saved.size_bytes += static_cast<std::int64_t>(entry.file_size());
  }
  return saved;
}

}  // namespace espalier
