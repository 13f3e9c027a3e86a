#include "experiments/sweep.h"

#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

#include "experiments/common_start.h"
#include "experiments/config/canonical.h"
#include "experiments/config/reader.h"
#include "experiments/read_figures.h"
#include "experiments/run_directory.h"
#include "experiments/runner.h"
#include "experiments/sweep_table.h"
#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/core/suggest.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhere = "sweep";

// "SNIP, shuffled" -> "snip-shuffled"
std::string directory_name(const std::string& row) {
  std::string name;
  for (const char c : row) {
    const auto letter = static_cast<unsigned char>(c);
    if (std::isalnum(letter) != 0) {
      name += static_cast<char>(std::tolower(letter));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.substr(0, 60);
}

// Puts values where their keys stand in braces. A word in braces that is no key is a mistake: in TOML it has
// no meaning.
std::string fill_in(std::string text, const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [key, value] : values) {
    const std::string place = "{" + key + "}";
    for (std::size_t at = text.find(place); at != std::string::npos; at = text.find(place, at + value.size()))
      text.replace(at, place.size(), value);
  }
  static const std::regex word(R"(\{([A-Za-z_]+)\})");
  if (std::smatch left; std::regex_search(text, left, word)) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : values) keys.push_back(key);
    fail(ErrorKind::usage, kWhere, "nothing is called {}{} (known: {})", left.str(),
         did_you_mean(left[1].str(), keys), fmt::join(keys, ", "));
  }
  return text;
}

// "RigL/0.9/seed 1"
std::string label_of(const SweepConfig::Row& row, const std::string& value, std::int64_t seed) {
  return fmt::format("{}/{}{}seed {}", row.name, value, value.empty() ? "" : "/", seed);
}

const std::vector<std::int64_t>& seeds_of(const SweepConfig& config, const SweepConfig::Row& row) {
  return row.seeds.empty() ? config.seeds : row.seeds;
}

// What is wrong with cells. Most mistakes are in all cells of a row: these are told once.
class Problems {
 public:
  void add(std::size_t row, const std::string& label, const Error& error) {
    if (told_.emplace(row, error.what()).second) lines_.push_back(fmt::format("{}: {}", label, error.what()));
  }
  // Throws Error (usage) that lists them, if there are any.
  void refuse(const std::string& whose) const {
    if (lines_.empty()) return;
    fail(ErrorKind::usage, kWhere, "{}: {} problem{}:\n{}", whose, lines_.size(),
         lines_.size() == 1 ? "" : "s", fmt::join(lines_, "\n"));
  }

 private:
  std::set<std::pair<std::size_t, std::string>> told_;
  std::vector<std::string> lines_;
};

// What says which data an experiment reads.
std::string data_lines(ExperimentConfig& config) {
  std::string text;
  for (const std::string& line : canonical_lines(config)) {
    if (line.starts_with("data.") || line.starts_with("data=")) text += line + "\n";
  }
  return text;
}

// Throws Error (usage) for what is wrong with the sweep itself, whatever its cells are.
void check_settings(const SweepConfig& config, const std::string& file) {
  if (config.rows.empty()) fail(ErrorKind::usage, kWhere, "{}: there is no [[row]]", file);
  if (config.base.empty()) fail(ErrorKind::usage, kWhere, "{}: base is missing", file);
  if (directory_name(config.name) != config.name)
    fail(ErrorKind::usage, kWhere, "name '{}' becomes that of a directory: use small letters, digits and '-'",
         config.name);
  const SweepConfig::Key& beside = config.columns.beside;
  if (beside.key.empty() && !beside.values.empty())
    fail(ErrorKind::usage, kWhere, "{}: columns.beside has values, but no key that stands for them", file);
  if (!beside.key.empty() && beside.values.size() != config.columns.values.size())
    fail(ErrorKind::usage, kWhere, "{}: columns.beside has {} values, for {} columns", file,
         beside.values.size(), config.columns.values.size());
  for (const SweepConfig::Row& row : config.rows) {
    if (directory_name(row.name).empty())
      fail(ErrorKind::usage, kWhere, "{}: row '{}' has no letter a-z and no digit to name its runs after",
           file, row.name);
    const std::vector<std::int64_t>& seeds = seeds_of(config, row);
    if (seeds.empty())
      fail(ErrorKind::usage, kWhere, "{}: row '{}' has no seeds; list one at least, seeds = [1]", file,
           row.name);
    if (std::set<std::int64_t>(seeds.begin(), seeds.end()).size() != seeds.size())
      fail(ErrorKind::usage, kWhere,
           "{}: row '{}' lists a seed twice, seeds = [{}]: one run would count as two", file, row.name,
           fmt::join(seeds, ", "));
  }
}

}  // namespace

void SweepConfig::Key::fields(FieldVisitor& v) {
  v.field("key", key, "what stands for the column's value in `set`, in braces");
  v.field("values", values, "one a column, put in as they are; none: a single column");
}

void SweepConfig::Columns::fields(FieldVisitor& v) {
  Key::fields(v);
  v.table("beside", beside, "a second key, as many values: they go along with the first");
}

void SweepConfig::Row::fields(FieldVisitor& v) {
  v.field("name", name, "what the table calls it");
  v.field("set", set, "key=value, after those of the sweep");
  v.field("seeds", seeds, "of this row; none: the sweep's");
}

void SweepConfig::fields(FieldVisitor& v) {
  v.field("name", name, "what the sweep, its tables and its directory are called");
  v.field("base", base, "the config that all cells change, beside this file");
  v.field("set", set, "key=value in every cell, as on the command line");
  v.field("seeds", seeds, "each cell is run for each of them");
  v.table("columns", columns, "what every row varies");
  v.tables("row", rows, "what is compared");
}

bool is_sweep(const ConfigNode& document) { return document.find("row") != nullptr; }

const char* state_name(CellState state) {
  constexpr const char* kNames[] = {"missing", "under way", "done"};
  return kNames[static_cast<std::size_t>(state)];
}

Sweep::Sweep(const fs::path& file, const std::vector<std::string>& changes, fs::path out, fs::path results)
    : directory_(std::move(out)),
      command_(fmt::format("espalier sweep {}{}{} --results {}", file.string(), changes.empty() ? "" : " ",
                           fmt::join(changes, " "), results.string())),
      results_(std::move(results)) {
  const ConfigNode document = parse_config_file(file);
  if (!is_sweep(document) && document.find("stage") != nullptr)
    fail(ErrorKind::usage, kWhere, "{} is an experiment, no sweep: use `espalier run {}`", file.string(),
         file.string());
  read_config(document, config_);
  if (config_.columns.values.empty()) config_.columns.values = {""};
  check_settings(config_, file.string());
  if (directory_.empty()) directory_ = fs::path("runs") / config_.name;
  const SweepConfig::Key& beside = config_.columns.beside;
  const ConfigNode base = parse_config_file(file.parent_path() / config_.base);

  const auto make_cell = [&](std::size_t r, std::size_t c, std::int64_t seed) {
    const SweepConfig::Row& row = config_.rows[r];
    const std::string& value = config_.columns.values[c];
    SweepCell cell{.row = r,
                   .column = c,
                   .seed = seed,
                   .label = label_of(row, value, seed),
                   .document = base,
                   .hash = {},
                   .directory = {}};
    std::vector<std::pair<std::string, std::string>> values = {{config_.columns.key, value},
                                                               {"seed", std::to_string(seed)}};
    if (!beside.key.empty()) values.emplace_back(beside.key, beside.values[c]);
    const std::string origin = fmt::format("{}, row '{}'", file.filename().string(), row.name);
    const auto apply = [&](const std::vector<std::string>& assignments, const std::string& who) {
      for (const std::string& assignment : assignments) {
        apply_override(cell.document, fill_in(assignment, values), who);
      }
    };
    apply({"seed={seed}"}, origin);
    set_text(cell.document, "name", directory_name(row.name), origin);
    apply(config_.set, origin);
    apply(row.set, origin);
    apply(changes, "command line");
    ExperimentConfig config = read_experiment(cell.document);
    if (config.seed != seed)
      fail(ErrorKind::usage, kWhere, "seed is changed to {}; list it in seeds instead", config.seed);
    cell.hash = config_hash(config);
    cell.directory = directory_ / fmt::format("{}-{}", config.name, cell.hash.substr(0, 8));
    return cell;
  };

  Problems problems;
  const auto add_cell = [&](std::size_t r, std::size_t c, std::int64_t seed) {
    try {
      cells_.push_back(make_cell(r, c, seed));
    } catch (const Error& error) {
      problems.add(r, label_of(config_.rows[r], config_.columns.values[c], seed), error);
    }
  };
  // The tables of all seeds grow together: a first picture of the whole comes early.
  std::size_t most_seeds = 0;
  for (const SweepConfig::Row& row : config_.rows)
    most_seeds = std::max(most_seeds, seeds_of(config_, row).size());
  for (std::size_t s = 0; s < most_seeds; ++s) {
    for (std::size_t r = 0; r < config_.rows.size(); ++r) {
      const std::vector<std::int64_t>& seeds = seeds_of(config_, config_.rows[r]);
      for (std::size_t c = 0; c < config_.columns.values.size() && s < seeds.size(); ++c)
        add_cell(r, c, seeds[s]);
    }
  }
  problems.refuse(file.string());
}

std::optional<nlohmann::ordered_json> Sweep::own_summary(const SweepCell& cell) const {
  const fs::path path = cell.directory / kSummaryFile;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  nlohmann::ordered_json summary = read_summary(path);
  if (summary.at("config_hash") == cell.hash) return summary;
  fail(ErrorKind::integrity, kWhere, "{} is another experiment's; choose another --out", path.string());
}

std::optional<nlohmann::ordered_json> Sweep::summary(const SweepCell& cell) const {
  if (std::optional<nlohmann::ordered_json> own = own_summary(cell)) return own;
  const nlohmann::ordered_json* kept = results_.find(cell.hash);
  return kept == nullptr ? std::nullopt : std::optional(*kept);
}

fs::path Sweep::place(const SweepCell& cell) const {
  std::error_code ignored;
  const bool elsewhere =
      results_.find(cell.hash) != nullptr && !fs::exists(cell.directory / kSummaryFile, ignored);
  return elsewhere ? results_.directory() : cell.directory;
}

CellState Sweep::state(const SweepCell& cell) const {
  std::error_code ignored;
  if (summary(cell)) return CellState::done;
  return fs::exists(cell.directory / kConfigFile, ignored) ? CellState::under_way : CellState::missing;
}

std::vector<const SweepCell*> Sweep::select(const std::vector<std::string>& patterns) const {
  std::vector<bool> used(patterns.size(), false);
  std::vector<const SweepCell*> selected;
  for (const SweepCell& cell : cells_) {
    bool matches = patterns.empty();
    for (std::size_t p = 0; p < patterns.size(); ++p) {
      const bool hit = ::fnmatch(patterns[p].c_str(), cell.label.c_str(), 0) == 0 ||
                       ::fnmatch(patterns[p].c_str(), config_.rows[cell.row].name.c_str(), 0) == 0;
      used[p] = used[p] || hit;
      matches = matches || hit;
    }
    if (matches) selected.push_back(&cell);
  }
  for (std::size_t p = 0; p < patterns.size(); ++p) {
    if (used[p]) continue;
    std::vector<std::string> names;
    for (const SweepConfig::Row& row : config_.rows) names.push_back(row.name);
    fail(ErrorKind::usage, kWhere, "'{}' matches no row and no cell{}", patterns[p],
         did_you_mean(patterns[p], names));
  }
  return selected;
}

void Sweep::rehearse(const std::vector<const SweepCell*>& cells) const {
  Problems problems;
  std::set<std::string> rehearsed;  // hashes
  std::string lines;                // of the data that is loaded
  datasets::Splits data;
  for (const SweepCell* cell : cells) {
    if (state(*cell) != CellState::missing || !rehearsed.insert(cell->hash).second) continue;
    ExperimentConfig config = read_experiment(cell->document);
    if (const std::string needed = data_lines(config); needed != lines || data.train == nullptr) {
      data = config.data->load();
      lines = needed;
    }
    try {
      rehearse_experiment(config, data);
    } catch (const Error& error) { problems.add(cell->row, cell->label, error); }
  }
  problems.refuse(config_.name);
}

std::int64_t Sweep::run(const std::vector<const SweepCell*>& cells, Reporter& reporter,
                        const std::vector<fs::path>& starts) {
  std::vector<fs::path> runs = starts;  // and those of all cells
  for (const SweepCell& cell : cells_) runs.push_back(cell.directory);
  report_strangers(reporter);
  rehearse(cells);
  std::int64_t left = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const SweepCell& cell = *cells[i];
    if (state(cell) == CellState::done) continue;
    reporter.line(fmt::format("cell {} of {}: {}", i + 1, cells.size(), cell.label));
    ExperimentConfig config = read_experiment(cell.document);
    try {
      const bool begins = state(cell) == CellState::missing;
      if (!take_common_start(config, cell.directory, runs, reporter) && begins) {
        for (const fs::path& start : starts)
          reporter.line(fmt::format("start       {}", why_nothing(config, start)));
      }
      run_experiment(config, cell.directory, reporter);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_finite) throw;
      reporter.line(fmt::format("cell {} is left: {}", cell.label, error.what()));
      ++left;
    }
    write_tables();
  }
  write_tables();
  return left;
}

void Sweep::report_strangers(Reporter& reporter) const {
  const std::vector<std::string> hashes = results_.hashes();
  const auto strangers = std::count_if(hashes.begin(), hashes.end(), [&](const std::string& hash) {
    return std::none_of(cells_.begin(), cells_.end(),
                        [&](const SweepCell& cell) { return cell.hash == hash; });
  });
  if (strangers == 0) return;
  reporter.line(fmt::format("note        {} of {} summaries in {} are of other configs than this sweep's",
                            strangers, hashes.size(), results_.directory().string()));
}

void Sweep::write_tables() {
  join_results();
  make_directories(directory_);
  const nlohmann::ordered_json table = sweep_json(*this);
  const std::string markdown = sweep_markdown(table);
  write_file_durably(directory_ / (config_.name + ".json"), table.dump(2) + "\n");
  write_file_durably(directory_ / (config_.name + ".md"), markdown);
  if (!results_.kept()) return;
  make_directories(results_.directory());
  write_file_durably(
      results_.directory() / "README.md",
      fmt::format("{}\nWritten by `{}`, which goes on with what is missing.\n", markdown, command_));
}

void Sweep::join_results() {
  if (!results_.kept()) return;
  results_ = SweepResults(results_.directory());
  for (const SweepCell& cell : cells_) {
    if (results_.find(cell.hash) != nullptr) continue;
    if (std::optional<nlohmann::ordered_json> own = own_summary(cell))
      results_.add(cell.directory.filename().string(), std::move(*own));
  }
}

}  // namespace espalier
