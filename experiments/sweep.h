// A sweep: a matrix of experiments out of one file. Rows are methods, columns values that every row varies,
// and each cell is run for several seeds.
//
//   name = "pruning-matrix"
//   base = "resnet20-dense.toml"                    # beside the sweep's own file
//   set = ["stage.0.epochs=20"]                     # in every cell, as on the command line
//   seeds = [1, 2, 3]
//   columns = { key = "sparsity", values = ["0.8", "0.9"] }
//   [[row]]
//   name = "magnitude, global"
//   set = ["stage.0.prune=[{ sparsity = {sparsity} }]"]
//
// In `set`, the column's key and "seed" in braces stand for their values; a second key may go along with the
// first (`columns.beside`). A run lies in a directory named after its row and its config's hash, so cells
// that come to the same config, as those of a row that does not mention the column's key, are one run. Cells
// whose configs agree in their first stages do these once (common_start.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/experiment_config.h"
#include "experiments/reporter.h"
#include "experiments/sweep_results.h"

namespace espalier {

struct SweepConfig {
  // What stands for a value in braces, and its values, one a column.
  struct Key {
    std::string key;  // empty: none
    std::vector<std::string> values;

    void fields(FieldVisitor& v);
  };
  struct Columns : Key {
    Columns() { key = "value"; }

    Key beside;  // a second key whose values go along: what is kept beside what is removed

    void fields(FieldVisitor& v);
  };

  struct Row {
    std::string name;
    std::vector<std::string> set;
    std::vector<std::int64_t> seeds;  // empty: the sweep's

    void fields(FieldVisitor& v);
  };

  std::string name = "sweep";
  std::string base;
  std::vector<std::string> set;
  std::vector<std::int64_t> seeds = {1};
  Columns columns;
  std::vector<Row> rows;

  void fields(FieldVisitor& v);
};

// Is it the config of a sweep, not of an experiment?
bool is_sweep(const ConfigNode& document);

// One experiment of a sweep.
struct SweepCell {
  std::size_t row = 0, column = 0;
  std::int64_t seed = 0;
  std::string label;                // "RigL/0.9/seed 1"
  ConfigNode document;              // the experiment's config
  std::string hash;                 // of its config
  std::filesystem::path directory;  // of its run
};

enum class CellState { missing, under_way, done };
// "missing", "under way", "done"
const char* state_name(CellState state);

class Sweep {
 public:
  // Reads the sweep's file and every cell's config. `changes` are key=value for every cell, stronger than
  // the sweep's own; `out` is where runs and tables go, empty: runs/<name>. `results`, unless empty, is where
  // summaries of earlier runs lie, and where those of this one and their table go: a cell that has one
  // there is done. Throws Error (usage) that lists the problems of all rows.
  Sweep(const std::filesystem::path& file, const std::vector<std::string>& changes,
        std::filesystem::path out = {}, std::filesystem::path results = {});

  const SweepConfig& config() const { return config_; }
  const std::filesystem::path& directory() const { return directory_; }
  // First seed first, row by row.
  const std::vector<SweepCell>& cells() const { return cells_; }

  CellState state(const SweepCell& cell) const;
  // What summary.json of the cell's run holds, or the results do; nothing unless it is done.
  std::optional<nlohmann::ordered_json> summary(const SweepCell& cell) const;
  // Where that is.
  std::filesystem::path place(const SweepCell& cell) const;

  // The cells whose label or row's name matches one of the patterns, * and ? as in file names; all for none.
  // Throws Error (usage) when a pattern matches nothing.
  std::vector<const SweepCell*> select(const std::vector<std::string>& patterns) const;

  // Runs them one after the other and writes the tables after each: one that is done is skipped, one under
  // way goes on. Before the first, those that have not begun are rehearsed: throws Error (usage) that lists
  // what their stages refuse. Stages in common are taken from other cells, and from `starts`, runs outside
  // the sweep. A run that ends in NaN or Inf is reported and left, the others still run; returns how many
  // were left so.
  std::int64_t run(const std::vector<const SweepCell*>& cells, Reporter& reporter,
                   const std::vector<std::filesystem::path>& starts = {});

  // <directory>/<name>.json and <name>.md; with results, the summaries that they lack, and README.md. What
  // other processes have added to the results since is taken in: several may work on one matrix.
  void write_tables();

 private:
  // Of the cell's own run.
  std::optional<nlohmann::ordered_json> own_summary(const SweepCell& cell) const;
  // Reads the results anew and adds the summaries of own runs that they lack.
  void join_results();
  void rehearse(const std::vector<const SweepCell*>& cells) const;
  // Says so when there are results that no cell has.
  void report_strangers(Reporter& reporter) const;

  SweepConfig config_;
  std::filesystem::path directory_;
  std::string command_;  // that makes it
  SweepResults results_;
  std::vector<SweepCell> cells_;
};

}  // namespace espalier
