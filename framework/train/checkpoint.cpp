#include "framework/train/checkpoint.h"

#include <algorithm>
#include <map>

#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/core/sha256.h"
#include "framework/train/safetensors.h"

namespace espalier::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhere = "checkpoint";
constexpr const char* kFormat = "espalier-checkpoint";
constexpr std::int64_t kVersion = 1;
constexpr const char* kManifest = "manifest.json";
constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kStateFile = "state.safetensors";
constexpr std::size_t kMaxManifestBytes = 4 << 20;
constexpr int kMaxManifestDepth = 16;
constexpr const char* kMaskSuffix = ".mask";

nlohmann::json parse_manifest(const fs::path& path) {
  const std::string text = read_file(path, kMaxManifestBytes);
  const auto watch = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kMaxManifestDepth)
      fail(ErrorKind::integrity, kWhere, "{} is nested too deeply", path.string());
    return true;
  };
  try {
    return nlohmann::json::parse(text, watch);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::integrity, kWhere, "{} is no JSON: {}", path.string(), error.what());
  }
}

void verify_file(const fs::path& path, const nlohmann::json& written) {
  if (!written.is_object() || !written.contains("size_bytes") ||
      !written["size_bytes"].is_number_unsigned() || !written.contains("sha256") ||
      !written["sha256"].is_string()) {
    fail(ErrorKind::integrity, kWhere, "the manifest does not give size_bytes and sha256 of {}",
         path.string());
  }
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) fail(ErrorKind::integrity, kWhere, "{} is missing: {}", path.string(), error.message());
  const auto expected = written["size_bytes"].get<std::uint64_t>();
  if (size != expected)
    fail(ErrorKind::integrity, kWhere, "{} has {} bytes, expected {}", path.string(), size, expected);
  if (sha256_file(path) != written["sha256"].get<std::string>())
    fail(ErrorKind::integrity, kWhere, "{} was changed: its SHA-256 is not the manifest's", path.string());
}

// A mask out of a file: its own complaint is about a caller's mistake, this one about a file's.
Mask checked_mask(const std::string& parameter, const Tensor& bytes) {
  try {
    return Mask::from(bytes);
  } catch (const Error& error) {
    fail(ErrorKind::integrity, kWhere, "the mask of {}: {}", parameter, error.what());
  }
}

}  // namespace

void save_checkpoint(const fs::path& directory, const Checkpoint& checkpoint) {
  const UnfinishedDirectory aside(directory.string() + ".new");
  nlohmann::json files = nlohmann::json::object();
  const auto put = [&](const char* name, const NamedTensors& tensors) {
    const WrittenFile written = write_safetensors(aside.path() / name, tensors);
    files[name] = {{"size_bytes", written.size_bytes}, {"sha256", written.sha256}};
  };
  put(kModelFile, checkpoint.model);
  if (checkpoint.state) put(kStateFile, *checkpoint.state);
  const nlohmann::json manifest = {
      {"format", kFormat}, {"version", kVersion}, {"files", files}, {"about", checkpoint.about}};
  write_file_durably(aside.path() / kManifest, manifest.dump(2) + "\n");
  sync_directory(aside.path());
  if (fs::exists(directory)) {
    exchange_durably(aside.path(), directory);  // `aside` now removes what was there before
  } else {
    rename_durably(aside.path(), directory);
  }
}

bool is_checkpoint(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_regular_file(directory / kManifest, ignored);
}

Checkpoint load_checkpoint(const fs::path& directory) {
  const nlohmann::json manifest = parse_manifest(directory / kManifest);
  if (!manifest.is_object() || manifest.value("format", nlohmann::json()) != kFormat)
    fail(ErrorKind::integrity, kWhere, "{} is not a checkpoint's manifest", (directory / kManifest).string());
  const nlohmann::json version = manifest.value("version", nlohmann::json());
  if (version != kVersion) {
    fail(ErrorKind::integrity, kWhere, "{} has version {}, this program reads {}", directory.string(),
         version.dump(), kVersion);
  }
  const nlohmann::json files = manifest.value("files", nlohmann::json());
  const nlohmann::json about = manifest.value("about", nlohmann::json());
  if (!files.is_object() || !about.is_object() || !files.contains(kModelFile))
    fail(ErrorKind::integrity, kWhere, "the manifest of {} lacks files or about", directory.string());
  for (const auto& [name, written] : files.items()) {
    if (name != kModelFile && name != kStateFile)
      fail(ErrorKind::integrity, kWhere, "the manifest of {} names an unknown file", directory.string());
    verify_file(directory / name, written);
  }
  Checkpoint checkpoint{about, read_safetensors(directory / kModelFile), std::nullopt};
  if (files.contains(kStateFile)) checkpoint.state = read_safetensors(directory / kStateFile);
  return checkpoint;
}

NamedTensors model_tensors(nn::Module& model) {
  NamedTensors tensors = model.state_dict();
  for (const nn::Parameter* parameter : model.parameters()) {
    if (!parameter->mask.dense())
      tensors.emplace_back(parameter->name + kMaskSuffix, parameter->mask.bytes());
  }
  return tensors;
}

void load_model_tensors(nn::Module& model, const NamedTensors& tensors) {
  NamedTensors values;
  std::map<std::string, Tensor> masks;
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with(kMaskSuffix)) {
      masks[name.substr(0, name.size() - std::string_view(kMaskSuffix).size())] = tensor;
    } else {
      values.emplace_back(name, tensor);
    }
  }
  std::vector<std::pair<nn::Parameter*, Mask>> ready;
  for (nn::Parameter* parameter : model.parameters()) {
    const auto found = masks.find(parameter->name);
    Mask mask;
    if (found != masks.end()) {
      if (found->second.shape() != parameter->value.shape() || found->second.dtype() != DType::u8) {
        fail(ErrorKind::integrity, kWhere, "the mask of {} has shape {}, expected {} of u8", parameter->name,
             found->second.shape().str(), parameter->value.shape().str());
      }
      mask = checked_mask(parameter->name, found->second);
      masks.erase(found);
    }
    ready.emplace_back(parameter, std::move(mask));
  }
  if (!masks.empty())
    fail(ErrorKind::integrity, kWhere, "there is a mask for {}, which the model lacks", masks.begin()->first);
  model.load_state_dict(values);
  for (auto& [parameter, mask] : ready) {
    if (!mask.dense() && !mask.holds(parameter->value))
      fail(ErrorKind::integrity, kWhere, "{} has weights where its mask has none", parameter->name);
    parameter->mask = std::move(mask);
  }
}

std::string weights_sha256(nn::Module& model) {
  NamedTensors tensors = model_tensors(model);
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Sha256 digest;
  for (const auto& [name, tensor] : tensors) {
    const std::string head =
        fmt::format("{} {} {}\n", name, dtype_name(tensor.dtype()), tensor.shape().str());
    digest.update(head.data(), head.size());
    digest.update(tensor.bytes(), static_cast<std::size_t>(tensor.numel()) * size_bytes(tensor.dtype()));
  }
  return digest.hex();
}

}  // namespace espalier::train
