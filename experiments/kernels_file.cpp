#include "experiments/kernels_file.h"

#include <fmt/format.h>

#include "experiments/run_directory.h"
#include "framework/core/error.h"
#include "framework/core/files.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr std::size_t kMaxBytes = 16 << 20;

std::string to_text(const RunKernels& kernels) {
  nlohmann::ordered_json json = {{"format", kFormat}, {"tuned", kernels.tuned}};
  json.update(tune::to_json(kernels.choices));
  return json.dump(2) + "\n";
}

// Are all of the others' choices among these? A run adds to what it began with as it meets new shapes.
bool holds(const RunKernels& kernels, const RunKernels& others) {
  RunKernels both = others;
  both.choices.add(kernels.choices);
  return both.tuned == kernels.tuned && to_text(both) == to_text(kernels);
}

// A checkpoint lies in its stage's directory, or in that of a round.
fs::path record_of(const fs::path& checkpoint) {
  std::error_code ignored;
  fs::path directory = fs::absolute(checkpoint, ignored).lexically_normal();
  for (int up = 0; up < 4 && directory.has_relative_path(); ++up, directory = directory.parent_path()) {
    if (fs::exists(directory / kKernelsFile, ignored)) return directory / kKernelsFile;
  }
  return {};
}

}  // namespace

std::optional<RunKernels> read_kernels(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::not_found) return std::nullopt;
  if (type == fs::file_type::none)
    fail(ErrorKind::io, "run", "cannot read {}: {}", path.string(), error.message());
  // Opening a pipe would wait for its other end.
  const std::string text = type == fs::file_type::regular ? read_file(path, kMaxBytes) : "";
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    if (json.at("format") != kFormat) fail(ErrorKind::integrity, "kernels", "its format is unknown");
    return RunKernels{json.at("tuned").get<bool>(), tune::choices_from_json(json)};
  } catch (const std::exception& problem) {
    fail(ErrorKind::integrity, "run",
         "{} is damaged: {}; without it the run goes on with the fixed choices, and ends with other bits",
         path.string(), problem.what());
  }
}

RunKernels kernels_to_adopt(const fs::path& file) {
  std::optional<RunKernels> kernels = read_kernels(file);
  if (!kernels) fail(ErrorKind::io, "run", "cannot read {}: there is no such file", file.string());
  return std::move(*kernels);
}

KernelsFile::KernelsFile(fs::path path, bool run_begins, const Note& note,
                         const std::optional<RunKernels>& adopted)
    : path_(std::move(path)), note_(note) {
  std::optional<RunKernels> kernels = read_kernels(path_);
  if (!kernels && run_begins && adopted) kernels = adopted;
  if (!kernels) kernels = RunKernels{.tuned = run_begins && tuning_wanted()};
  written_ = to_text(*kernels);
  if (adopted && !holds(*kernels, *adopted)) {
    fail(ErrorKind::usage, "run", "{} holds other kernels than those to adopt; choose another --out",
         path_.parent_path().string());
  }
  if (run_begins) write_file_durably(path_, written_);
  if (kernels->tuned) tuner_ = std::make_unique<MachineTuner>(std::move(kernels->choices), note);
}

void KernelsFile::save() {
  if (tuner_ == nullptr) return;
  const tune::Choices& record = tuner_->tuner().record();
  std::string text = to_text({true, record});
  if (text == written_) return;
  write_file_durably(path_, text);
  written_ = std::move(text);
  tuner_->save();
  note_(fmt::format("{} kernels and {} break-even densities chosen so far, {:.1f} s of measuring: {}",
                    record.dense.size(), record.break_even.size(), tuner_->tuner().measuring_seconds(),
                    path_.string()));
}

RecordedKernels::RecordedKernels(const fs::path& checkpoint) {
  const fs::path path = record_of(checkpoint);
  std::optional<RunKernels> kernels = path.empty() ? std::nullopt : read_kernels(path);
  if (kernels && kernels->tuned) {
    path_ = path;
    tuner_ = std::make_unique<tune::Tuner>(
        tune::TunerSettings{.recorded = std::move(kernels->choices), .measures = false});
  }
  use_ = std::make_unique<tune::UseTuner>(tuner_.get());
}

}  // namespace espalier
