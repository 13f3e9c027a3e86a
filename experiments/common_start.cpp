#include "experiments/common_start.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "experiments/about.h"
#include "experiments/config/toml_writer.h"
#include "experiments/deciding_lines.h"
#include "experiments/kernels_file.h"
#include "experiments/run_directory.h"
#include "experiments/stages/lottery.h"
#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/core/sha256.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 256 << 20;

// Does a canonical line matter before the cut?
bool decides(const std::string& line, const Cut& cut) {
  const std::string key = line.substr(0, line.find('='));
  if (key == "stage") return false;  // how many there are
  if (!key.starts_with("stage.")) return true;
  const std::size_t begin = key.find('.') + 1, end = key.find('.', begin);
  const std::size_t stage = std::stoul(key.substr(begin, end - begin));
  if (stage != cut.stage || !cut.first_round) return stage <= cut.stage;
  return !LotteryStage::decides_later_rounds(key.substr(end + 1));
}

// Labels count, although they decide no bits: they name directories, and stages refer to each other by them.
std::string key_of(const ExperimentConfig& config, const std::vector<std::string>& lines, const Cut& cut) {
  std::string text = cut.first_round ? "first round\n" : "";
  for (std::size_t i = 0; i <= cut.stage; ++i) text += config.stages[i].label() + "\n";
  for (const std::string& line : lines) {
    if (decides(line, cut)) text += line + "\n";
  }
  return sha256_hex(text);
}

void link_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::remove(to, error);  // what an interrupted attempt left
  fs::create_hard_link(from, to, error);
  if (error) fs::copy_file(from, to, error);
  if (error) fail(ErrorKind::io, "run", "cannot copy {}: {}", from.string(), error.message());
}

// Links all files but those that only resuming needs; what says that the rest is complete comes last.
void link_directory(const fs::path& from, const fs::path& to) {
  make_directories(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path name = entry.path().filename();
    if (entry.is_regular_file() && name != kResultFile) link_file(entry.path(), to / name);
    if (entry.is_directory() && !name.string().starts_with("step-")) link_directory(entry.path(), to / name);
  }
  sync_directory(to);
  if (fs::exists(from / kResultFile)) link_file(from / kResultFile, to / kResultFile);
}

class Taker {
 public:
  Taker(ExperimentConfig& config, const fs::path& directory)
      : config_(config),
        run_(directory, config_toml(config), config_hash(config)),
        cuts_(cuts_of(config)),
        first_(static_cast<std::size_t>(
            std::find_if(cuts_.begin(), cuts_.end(),
                         [&](const Cut& cut) { return !directory_of(cut).is_complete(); }) -
            cuts_.begin())) {}

  bool has_begun() { return first_ < cuts_.size() && directory_of(cuts_[first_]).is_under_way(); }
  // Has it not yet reached the end of a stage or first round, alone or by taking it?
  bool at_start() const { return first_ == 0; }

  // The last cut that this run has yet to reach and the other one has reached.
  std::optional<std::size_t> last_in_common(const fs::path& other) {
    if (!fs::exists(other / kConfigFile) || fs::equivalent(other, run_.path())) return std::nullopt;
    ExperimentConfig config;
    try {
      const std::optional<RunKernels> kernels = read_kernels(other / kKernelsFile);
      if ((kernels && kernels->tuned) != run_.kernels().tuned()) return std::nullopt;
      config = read_experiment(parse_config_file(other / kConfigFile));
    } catch (const Error&) {  // it has nothing to give
      return std::nullopt;
    }
    std::optional<std::size_t> last;
    for (const Cut& cut : cuts_of(config)) {
      const auto own = std::find_if(cuts_.begin() + static_cast<std::ptrdiff_t>(first_), cuts_.end(),
                                    [&](const Cut& c) { return c.key == cut.key; });
      if (own == cuts_.end() || !fs::exists(other / relative(*own) / kResultFile)) continue;
      last = static_cast<std::size_t>(own - cuts_.begin());
    }
    return last;
  }

  void take(const fs::path& other, std::size_t last, Reporter& reporter) {
    expect_same_data(other / relative(cuts_[last]) / "checkpoint");
    run_.keep();
    take_metrics(other, cuts_[last]);
    // What follows runs on the kernels that the start was computed with.
    if (fs::exists(other / kKernelsFile))
      write_file_durably(run_.path() / kKernelsFile, read_file(other / kKernelsFile, kMaxFileBytes));
    for (std::size_t i = first_; i <= last; ++i) {
      const Cut& cut = cuts_[i];
      if (cut.first_round && fs::exists(other / relative(cut).parent_path() / LotteryStage::kSnapshot)) {
        const fs::path snapshot = relative(cut).parent_path() / LotteryStage::kSnapshot;
        link_directory(other / snapshot, run_.path() / snapshot);
      }
      link_directory(other / relative(cut), run_.path() / relative(cut));
      nlohmann::ordered_json result = directory_of(cut).result();
      if (!result.contains("taken_from"))
        result["taken_from"] = (other / "").parent_path().filename().string();
      write_file_durably(directory_of(cut).path() / kResultFile, result.dump(2) + "\n");
    }
    reporter.line(
        fmt::format("start       {} of {} is the same", relative(cuts_[last]).string(), other.string()));
  }

 private:
  StageDirectory directory_of(const Cut& cut) {
    const StageDirectory stage = run_.stage(cut.stage, config_.stages[cut.stage].label());
    return cut.first_round ? stage.round(0) : stage;
  }
  fs::path relative(const Cut& cut) { return directory_of(cut).path().lexically_relative(run_.path()); }

  void expect_same_data(const fs::path& checkpoint) {
    expect_dataset(train::load_checkpoint(checkpoint), checkpoint, config_.data->load());
  }

  // Lines until the cut.
  void take_metrics(const fs::path& other, const Cut& cut) {
    const fs::path from = other / kMetricsFile;
    if (!fs::exists(from)) return;
    const nlohmann::ordered_json result = StageDirectory(other / relative(cut), run_.metrics()).result();
    const auto length = std::max(result.value("metrics_bytes", std::int64_t{0}), std::int64_t{0});
    write_file_durably(run_.path() / kMetricsFile,
                       read_file(from, kMaxFileBytes).substr(0, static_cast<std::size_t>(length)));
  }

  ExperimentConfig& config_;
  RunDirectory run_;
  std::vector<Cut> cuts_;
  std::size_t first_;  // that this run has yet to reach
};

// Why nothing can be taken, for a message.
std::string what_differs(ExperimentConfig& config, const fs::path& other) {
  ExperimentConfig other_config = read_experiment(parse_config_file(other / kConfigFile));
  const auto before_first_cut = [](ExperimentConfig& of) {
    const Cut first = cuts_of(of).front();
    std::vector<std::string> lines = deciding_lines(of);
    std::erase_if(lines, [&](const std::string& line) { return !decides(line, first); });
    lines.push_back("the first stage's name=" + of.stages.front().label());
    return std::set<std::string>(lines.begin(), lines.end());
  };
  const std::set<std::string> here = before_first_cut(config), there = before_first_cut(other_config);
  if (here == there)
    return "it has not reached the end of its first stage, or one of the two runs with --no-tune and the "
           "other does not";
  std::string text = "until the end of the first stage ";
  const auto list = [&](const std::set<std::string>& lines, const std::set<std::string>& without) {
    std::vector<std::string> own;
    std::ranges::set_difference(lines, without, std::back_inserter(own));
    text += own.empty() ? "nothing" : fmt::format("{}", fmt::join(own, ", "));
  };
  list(there, here);
  text += " stands there, ";
  list(here, there);
  return text + " here (defaults are not listed)";
}

}  // namespace

std::vector<Cut> cuts_of(ExperimentConfig& config) {
  const std::vector<std::string> lines = deciding_lines(config);
  std::vector<Cut> cuts;
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    if (config.stages[i].kind == "lottery") cuts.push_back({i, true, {}});
    cuts.push_back({i, false, {}});
  }
  for (Cut& cut : cuts) cut.key = key_of(config, lines, cut);
  return cuts;
}

bool take_common_start(ExperimentConfig& config, const fs::path& directory,
                       const std::vector<fs::path>& others, Reporter& reporter) {
  Taker taker(config, directory);
  if (taker.has_begun()) return false;
  std::optional<std::size_t> last;
  fs::path from;
  for (const fs::path& other : others) {
    const std::optional<std::size_t> common = taker.last_in_common(other);
    if (!common || (last && *common <= *last)) continue;
    last = common;
    from = other;
  }
  if (last) taker.take(from, *last, reporter);
  return last.has_value();
}

std::string why_nothing(ExperimentConfig& config, const fs::path& other) {
  return fmt::format("nothing of {} can be taken: {}", other.string(), what_differs(config, other));
}

void expect_run(const fs::path& other) {
  if (!fs::exists(other / kConfigFile))
    fail(ErrorKind::usage, "--start-from", "{} is no run: there is no {} in it", other.string(), kConfigFile);
}

void start_from(ExperimentConfig& config, const fs::path& directory, const fs::path& other,
                Reporter& reporter) {
  expect_run(other);
  if (take_common_start(config, directory, {other}, reporter)) return;
  if (Taker taker(config, directory); !taker.at_start() || taker.has_begun()) return;
  fail(ErrorKind::usage, "--start-from", "{}", why_nothing(config, other));
}

}  // namespace espalier
