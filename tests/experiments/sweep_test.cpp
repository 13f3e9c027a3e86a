#include "experiments/sweep.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "experiments/common_start.h"
#include "experiments/config/canonical.h"
#include "experiments/config/reader.h"
#include "experiments/sweep_table.h"
#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/train/stop.h"
#include "tests/experiments/program.h"
#include "tests/experiments/quiet.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBase = R"(
model = { kind = "resnet20", width = 2 }
data = { kind = "synthetic", train_images = 32, test_images = 16 }
batch = 16
[[stage]]
epochs = 1
)";

constexpr const char* kSweep = R"(
name = "tiny"
base = "base.toml"
seeds = [1, 2]
columns = { key = "sparsity", values = ["0.5", "0.9"] }
[[row]]
name = "dense"
[[row]]
name = "Pruned, at once"
set = ["stage.0.prune=[{ sparsity = {sparsity}, criterion = { kind = \"random\", seed = {seed} } }]"]
)";

struct Files {
  testing::TemporaryDirectory directory;
  testing::Quiet quiet;

  explicit Files(const std::string& sweep = kSweep) {
    testing::write_text(directory.path() / "base.toml", kBase);
    testing::write_text(directory.path() / "sweep.toml", sweep);
  }

  Sweep open(const std::vector<std::string>& changes = {}) const {
    return Sweep(directory.path() / "sweep.toml", changes, directory.path() / "out");
  }
};

std::string error_of(const std::string& sweep) {
  const Files files(sweep);
  try {
    files.open();
    return "";
  } catch (const Error& error) {
    CHECK(error.exit_code() == 2);
    return error.what();
  }
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE(
    "a sweep has a cell for each row, column and seed; rows that the columns do not change share runs") {
  const Files files;
  const Sweep sweep = files.open();
  CHECK(sweep.cells().size() == 8);
  CHECK(sweep.cells().front().label == "dense/0.5/seed 1");
  CHECK(sweep.cells().back().label == "Pruned, at once/0.9/seed 2");
  std::set<std::string> directories;
  for (const SweepCell& cell : sweep.cells()) directories.insert(cell.directory.filename().string());
  CHECK(directories.size() == 6);
  CHECK(directories.begin()->starts_with("dense-"));
  CHECK(directories.rbegin()->starts_with("pruned-at-once-"));
  CHECK(sweep.select({"dense"}).size() == 4);
  CHECK(sweep.select({"*/0.9/*", "dense"}).size() == 6);
  CHECK_THROWS_WITH_AS(sweep.select({"dens"}), doctest::Contains("did you mean 'dense'?"), Error);
}

TEST_CASE("the tables of a sweep say what is missing; what is done is not run again") {
  const Files files;
  Sweep sweep = files.open();
  Reporter reporter = files.quiet.reporter;
  CHECK(sweep.run(sweep.select({"*/0.5/*"}), reporter) == 0);
  const fs::path dense = sweep.cells().front().directory / "summary.json";
  const auto written = fs::last_write_time(dense);
  const nlohmann::ordered_json half = sweep_json(sweep);
  CHECK(half["rows"][1]["cells"][0]["done"] == 2);
  CHECK(half["rows"][1]["cells"][1]["done"] == 0);
  CHECK(half["rows"][0]["cells"][1]["done"] == 2);  // the same runs as in the other column
  CHECK(contains(read_file(files.directory.path() / "out" / "tiny.md", 1 << 20), "| missing |"));

  CHECK(sweep.run(sweep.select({}), reporter) == 0);
  CHECK(fs::last_write_time(dense) == written);
  const nlohmann::ordered_json whole =
      nlohmann::ordered_json::parse(read_file(files.directory.path() / "out" / "tiny.json", 1 << 20));
  const nlohmann::ordered_json& cell = whole["rows"][1]["cells"][1];
  REQUIRE(cell["done"] == 2);
  const double a = cell["runs"][0]["test_accuracy"], b = cell["runs"][1]["test_accuracy"];
  CHECK(cell["mean_test_accuracy"].get<double>() == doctest::Approx((a + b) / 2.0));
  CHECK(cell["spread_test_accuracy"].get<double>() == doctest::Approx(std::abs(a - b) / std::sqrt(2.0)));
  CHECK(cell["mean_density"].get<double>() < 0.25);
  CHECK(cell["mean_effective_macs"].get<double>() <
        0.5 * whole["rows"][0]["cells"][1]["mean_effective_macs"].get<double>());
  CHECK_FALSE(contains(sweep_markdown(whole), "missing"));
}

TEST_CASE("a sweep that is stopped goes on in the middle of the cell, to the same bits") {
  const Files files;
  Reporter reporter = files.quiet.reporter;
  Sweep stopped = files.open();
  train::request_stop();
  CHECK_THROWS_AS(stopped.run(stopped.select({"dense"}), reporter), Error);
  train::request_stop(false);
  CHECK(stopped.state(stopped.cells().front()) == CellState::under_way);
  CHECK(stopped.run(stopped.select({"dense/0.5/seed 1"}), reporter) == 0);
  const Files others;
  Sweep whole = others.open();
  CHECK(whole.run(whole.select({"dense/0.5/seed 1"}), reporter) == 0);
  CHECK(stopped.summary(stopped.cells().front())->at("weights_sha256") ==
        whole.summary(whole.cells().front())->at("weights_sha256"));
}

TEST_CASE("a second key goes along with the columns'") {
  const std::string sweep = R"(
name = "tiny"
base = "base.toml"
columns = { key = "removed", values = ["0.5", "0.7"], beside = { key = "kept", values = ["0.5", "0.3"] } }
[[row]]
name = "pruned"
set = ["stage.0.prune=[{ sparsity = {removed} }]"]
[[row]]
name = "scratch"
set = ["budget.fraction={kept}"]
)";
  const Files files(sweep);
  const Sweep opened = files.open();
  REQUIRE(opened.cells().size() == 4);
  CHECK(read_experiment(opened.cells()[3].document).budget.fraction == 0.3);
  CHECK(opened.cells()[3].label == "scratch/0.7/seed 1");
  std::string short_of_one = sweep;
  short_of_one.replace(short_of_one.find(", \"0.3\""), 7, "");
  CHECK(contains(error_of(short_of_one), "columns.beside has 1 values, for 2 columns"));
  std::string nameless = sweep;
  nameless.replace(nameless.find("key = \"kept\", "), 14, "");
  CHECK(contains(error_of(nameless), "columns.beside has values, but no key"));
}

TEST_CASE("cells with one dense stage train it once") {
  const Files files(
      std::string("set = ['stage=[{ name = \"dense\", epochs = 1 }, { kind = \"finetune\", epochs = 1, "
                  "prune = [{ sparsity = 0.5 }] }]']\n") +
      R"(
name = "tiny"
base = "base.toml"
columns = { key = "sparsity", values = ["0.5", "0.9"] }
[[row]]
name = "magnitude"
set = ["stage.1.prune.0.sparsity={sparsity}"]
[[row]]
name = "random"
set = ["stage.1.prune=[{ sparsity = {sparsity}, criterion = \"random\" }]"]
[[row]]
name = "other"
set = ["stage.0.optimizer.lr=0.01"]
)");
  Sweep sweep = files.open();
  Reporter reporter = files.quiet.reporter;
  CHECK(sweep.run(sweep.select({}), reporter) == 0);
  const std::string first = sweep.cells().front().directory.filename().string();
  for (const SweepCell& cell : sweep.cells()) {
    CAPTURE(cell.label);
    const nlohmann::ordered_json dense = sweep.summary(cell)->at("stages")[0];
    const bool is_first = cell.directory.filename() == first || cell.row == 2;
    CHECK(dense.value("taken_from", std::string()) == (is_first ? "" : first));
  }
}

TEST_CASE("processes that share the results of a sweep find each other's in its table") {
  const Files here, there;
  const testing::TemporaryDirectory shared;
  const auto open = [&](const Files& files) {
    return Sweep(files.directory.path() / "sweep.toml", {}, files.directory.path() / "out",
                 shared.path() / "tiny");
  };
  Reporter reporter = here.quiet.reporter;
  Sweep one = open(here), other = open(there);  // neither has seen the other's yet
  CHECK(one.run(one.select({"*/0.5/*"}), reporter) == 0);
  CHECK(other.run(other.select({"*/0.9/*"}), reporter) == 0);
  CHECK_FALSE(contains(read_file(shared.path() / "tiny" / "README.md", 1 << 20), "missing |"));
}

TEST_CASE("results of earlier runs count as done; new ones are added, with the table") {
  const Files here, there;  // two machines
  const testing::TemporaryDirectory committed;
  const fs::path results = committed.path() / "tiny";
  const auto open = [&](const Files& files) {
    return Sweep(files.directory.path() / "sweep.toml", {}, files.directory.path() / "out", results);
  };
  Reporter reporter = here.quiet.reporter;
  Sweep first = open(here);
  CHECK(first.run(first.select({"*/0.5/*"}), reporter) == 0);
  CHECK(contains(read_file(results / "README.md", 1 << 20), "| missing |"));

  Sweep second = open(there);
  const SweepCell& dense = second.cells().front();
  CHECK(second.state(dense) == CellState::done);
  CHECK(second.place(dense) == results);
  CHECK(second.summary(dense)->at("weights_sha256") ==
        first.summary(first.cells().front())->at("weights_sha256"));
  CHECK(second.run(second.select({}), reporter) == 0);
  CHECK_FALSE(fs::exists(dense.directory));
  const std::string table = read_file(results / "README.md", 1 << 20);
  CHECK_FALSE(contains(table, "missing |"));
  CHECK(contains(table, "espalier sweep"));
  int summaries = 0;
  for (const auto& entry : fs::directory_iterator(results)) {
    if (entry.path().extension() != ".json") continue;
    ++summaries;
    CHECK_FALSE(testing::read_json(entry.path()).contains("layers"));
  }
  CHECK(summaries == 6);

  testing::write_text(results / "zzz.json", "{ \"name\": 1 }");
  CHECK_THROWS_WITH_AS(open(here), doctest::Contains("zzz.json is no summary"), Error);
  testing::write_text(results / "zzz.json", "{ \"config_hash\": 5 }");
  CHECK_THROWS_WITH_AS(open(here), doctest::Contains("zzz.json is no summary"), Error);
}

TEST_CASE("a cell whose summary.json lacks its figures is damaged") {
  const Files files;
  Sweep sweep = files.open();
  const SweepCell& cell = sweep.cells().front();
  fs::create_directories(cell.directory);
  testing::write_text(cell.directory / "summary.json",
                      fmt::format("{{ \"config_hash\": \"{}\" }}", cell.hash));
  CHECK_THROWS_WITH_AS(sweep.state(cell), doctest::Contains("summary.json is no summary"), Error);
}

TEST_CASE("a cell that ends in NaN does not stop the others") {
  const Files files(
      std::string(kSweep) +
      "[[row]]\nname = \"wild\"\nset = [\"stage.0.optimizer.lr=1e6\", "
      "\"stage.0.optimizer.weight_decay=1\", \"stage.0.epochs=9\"]\n[[row]]\nname = \"calm\"\n");
  Sweep sweep = files.open();
  Reporter reporter = files.quiet.reporter;
  CHECK(sweep.run(sweep.select({"wild/0.5/seed 1", "calm/0.5/seed 1"}), reporter) == 1);
  const nlohmann::ordered_json table = sweep_json(sweep);
  CHECK(table["rows"][2]["cells"][0]["done"] == 0);
  CHECK(table["rows"][3]["cells"][0]["done"] == 1);
}

TEST_CASE("mistakes in a sweep are told at once, for all rows, with their place") {
  CHECK(contains(error_of("base = \"base.toml\"\nsedes = 1\n[[row]]\n"), "did you mean 'seeds'?"));
  CHECK(contains(error_of("base = \"base.toml\"\n"), "there is no [[row]]"));
  CHECK(contains(error_of("[[row]]\n"), "base is missing"));
  CHECK(contains(error_of("name = \"A B\"\nbase = \"base.toml\"\n[[row]]\n"), "name 'A B'"));
  const std::string both = error_of(R"(
base = "base.toml"
columns = { key = "sparsity", values = ["0.5"] }
[[row]]
name = "one"
set = ["stage.0.epocs=3"]
[[row]]
name = "two"
set = ["stage.0.prune=[{ sparsity = {sparsty} }]"]
)");
  CAPTURE(both);
  CHECK(contains(both, "sweep.toml: 2 problems"));
  CHECK(contains(both, "one/0.5/seed 1: "));
  CHECK(contains(both, "sweep.toml, row 'one': stage.0.epocs=3"));
  CHECK(contains(both, "did you mean 'epochs'?"));
  CHECK(contains(both, "nothing is called {sparsty}; did you mean 'sparsity'?"));
}

TEST_CASE("a mistake in any cell is told, and once where all cells of a row have it") {
  std::string column = kSweep;
  column.replace(column.find("\"0.9\""), 5, "\"1.5\"");
  const std::string one_column = error_of(column);
  CAPTURE(one_column);
  CHECK(contains(one_column, "2 problems"));  // the seed stands in the row: another text for each
  CHECK(contains(one_column, "Pruned, at once/1.5/seed 1: "));
  CHECK(contains(one_column, "Pruned, at once/1.5/seed 2: "));
  CHECK_FALSE(contains(one_column, "dense/"));

  const std::string seed = error_of("base = \"base.toml\"\nseeds = [1, -3]\n[[row]]\nname = \"a\"\n");
  CAPTURE(seed);
  CHECK(contains(seed, "1 problem:\na/seed -3: "));

  const std::string beside = error_of(R"(
base = "base.toml"
columns = { key = "removed", values = ["0.5", "0.7"], beside = { key = "kept", values = ["0.5", "wide"] } }
[[row]]
name = "scratch"
set = ["budget.fraction={kept}"]
)");
  CAPTURE(beside);
  CHECK(contains(beside, "1 problem:\nscratch/0.7/seed 1: "));

  const std::string all = error_of(std::string(kSweep) + "[[row]]\nname = \"new\"\nset = [\"sede=1\"]\n");
  CAPTURE(all);
  CHECK(contains(all, "1 problem:\nnew/0.5/seed 1: "));
}

TEST_CASE("a row has seeds, and none twice") {
  const auto with_seeds = [](const char* seeds) {
    return error_of(fmt::format("base = \"base.toml\"\nseeds = {}\n[[row]]\nname = \"a\"\n", seeds));
  };
  CHECK(contains(with_seeds("[]"), "row 'a' has no seeds"));
  CHECK(contains(with_seeds("[1, 2, 1]"), "row 'a' lists a seed twice"));
}

TEST_CASE("rows may be called as they like, but for names that leave none to a directory") {
  for (const char* name : {"90%", "true", "2024-01-01", "'quoted'", "[a]"}) {
    CAPTURE(name);
    const Files files(fmt::format("base = \"base.toml\"\n[[row]]\nname = \"{}\"\n", name));
    CHECK(files.open().cells().size() == 1);
  }
  CHECK(contains(error_of("base = \"base.toml\"\n[[row]]\nname = \"\u5bc6\"\n"), "no letter a-z"));
}

TEST_CASE("what a stage of any cell would refuse, no cell trains for") {
  const Files files(std::string(kSweep) +
                    "[[row]]\nname = \"nowhere\"\n"
                    "set = [\"stage.0.prune=[{ sparsity = 0.5, include = ['no.such.*'] }]\"]\n");
  Sweep sweep = files.open();
  Reporter reporter = files.quiet.reporter;
  CHECK_THROWS_WITH_AS(sweep.run(sweep.select({}), reporter),
                       doctest::Contains("1 problem:\nnowhere/0.5/seed 1: "), Error);
  CHECK(sweep.state(sweep.cells().front()) == CellState::missing);
  CHECK(sweep.run(sweep.select({"dense/0.5/seed 1"}), reporter) == 0);
}

TEST_CASE("every row of the pruning matrix runs, and reaches its sparsity") {
  const testing::TemporaryDirectory directory;
  const fs::path configs = fs::path(ESPALIER_SOURCE_DIR) / "experiments" / "configs";
  fs::copy_file(configs / "resnet20-dense.toml", directory.path() / "resnet20-dense.toml");
  std::string text = read_file(configs / "pruning-matrix.toml", 1 << 20);
  const std::string step = "rewind_step=500";  // tiny rounds have two
  text.replace(text.find(step), step.size(), "rewind_step=1");
  testing::write_text(directory.path() / "sweep.toml", text);
  Sweep sweep(directory.path() / "sweep.toml",
              {"model.width=4", "data={ kind = \"synthetic\", train_images = 32, test_images = 16 }",
               "batch=16", "stage.0.epochs=1"},
              directory.path() / "out");
  testing::Quiet quiet;
  CHECK(sweep.run(sweep.select({"*/0.9/seed 1"}), quiet.reporter) == 0);
  for (const SweepCell& cell : sweep.cells()) {
    if (!cell.label.ends_with("/0.9/seed 1")) continue;
    CAPTURE(cell.label);
    const auto summary = sweep.summary(cell);
    REQUIRE(summary.has_value());
    std::int64_t weights = 0, kept = 0;
    for (const nlohmann::ordered_json& layer : summary->at("layers")) {
      const std::int64_t bias = layer.at("name") == "fc" ? 10 : 0;
      weights += layer.at("parameters").get<std::int64_t>() - bias;
      kept += layer.at("nonzeros").get<std::int64_t>() - bias;
    }
    const double density = static_cast<double>(kept) / static_cast<double>(weights);
    CHECK(density == doctest::Approx(cell.label.starts_with("dense/") ? 1.0 : 0.1).epsilon(0.02));
  }
}

TEST_CASE("lotteries in a sweep without columns have tables of their rounds and controls") {
  const Files files(R"(
name = "tickets"
base = "base.toml"
set = ["stage.0.kind=lottery", "stage.0.rounds=2"]
seeds = [1, 2]
[[row]]
name = "rewound"
set = ["stage.0.controls=['shuffle']"]
[[row]]
name = "fine-tuned"
set = ["stage.0.start=continue"]
)");
  Sweep sweep = files.open();
  Reporter reporter = files.quiet.reporter;
  REQUIRE(sweep.run(sweep.select({}), reporter) == 0);
  const nlohmann::ordered_json table = sweep_json(sweep);
  const nlohmann::ordered_json& run = table["rows"][0]["cells"][0]["runs"][1];
  const nlohmann::ordered_json summary = *sweep.summary(sweep.cells()[2]);
  REQUIRE(run["seed"] == summary["seed"]);
  const nlohmann::ordered_json& stage = summary["stages"][0];
  REQUIRE(run["rounds"].size() == 3);
  for (std::size_t round = 0; round < 3; ++round) {
    CHECK(run["rounds"][round]["ticket"] == stage["rounds"][round]["test_accuracy"]);
    CHECK(run["rounds"][round].contains("shuffle") == (round == 2));
  }
  CHECK(run["rounds"][0]["density"] == 1.0);
  CHECK(run["rounds"][2]["shuffle"] == stage["controls"][0]["test_accuracy"]);
  const std::string text = sweep_markdown(table);
  CAPTURE(text);
  CHECK(contains(
      text, "## rewound\n\n| round | nonzero | ticket | shuffle |\n|---|---|---|---|\n| 0 | 100.00% | "));
  CHECK(contains(text, "## fine-tuned\n\n| round | nonzero | ticket |\n|---|---|---|\n| 0 | 100.00% | "));
}

TEST_CASE("every row of the tickets' matrix runs, with its controls") {
  const testing::TemporaryDirectory directory;
  const fs::path configs = fs::path(ESPALIER_SOURCE_DIR) / "experiments" / "configs";
  fs::copy_file(configs / "tickets-matrix.toml", directory.path() / "sweep.toml");
  std::string text = read_file(configs / "resnet20-tickets.toml", 1 << 20);
  const std::string step = "rewind_step = 500";  // tiny rounds have two
  text.replace(text.find(step), step.size(), "rewind_step = 1");
  testing::write_text(directory.path() / "resnet20-tickets.toml", text);
  Sweep sweep(directory.path() / "sweep.toml",
              {"model.width=4", "data={ kind = \"synthetic\", train_images = 32, test_images = 16 }",
               "batch=16", "stage.0.epochs=1", "stage.0.rounds=2", "stage.0.control_rounds=[1, 2]"},
              directory.path() / "out");
  testing::Quiet quiet;
  CHECK(sweep.run(sweep.select({}), quiet.reporter) == 0);
  for (const SweepCell& cell : sweep.cells()) {
    CAPTURE(cell.label);
    const auto summary = sweep.summary(cell);
    REQUIRE(summary.has_value());
    CHECK(summary->at("stages").at(0).at("rounds").size() == 3);
    CHECK(summary->at("stages").at(0).at("controls").size() == 4);
  }
}

TEST_CASE("the tickets' dense round is that of the pruning matrix: the one starts from the other") {
  const fs::path configs = fs::path(ESPALIER_SOURCE_DIR) / "experiments" / "configs";
  const auto dense_round = [&](const char* file, const char* cell) {
    const Sweep sweep(configs / file, {});
    ExperimentConfig config = read_experiment(sweep.select({cell}).front()->document);
    return cuts_of(config).front().key;
  };
  CHECK(dense_round("tickets-matrix.toml", "rewound to step 500") ==
        dense_round("pruning-matrix.toml", "iterative, weights rewound/0.9/seed 1"));
}

TEST_CASE("network slimming's penalty works while its network trains, not while it is fine-tuned") {
  const testing::TemporaryDirectory directory;
  const Sweep sweep(fs::path(ESPALIER_SOURCE_DIR) / "experiments" / "configs" / "filters-matrix.toml", {},
                    directory.path() / "out");
  for (const SweepCell* cell : sweep.select({"batch norm's scale, global"})) {
    CAPTURE(cell->label);
    ExperimentConfig config = read_experiment(cell->document);
    std::set<std::string> pruners;
    for (const std::string& line : canonical_lines(config)) {
      if (contains(line, ".prune.0.criterion")) pruners.insert(line);
    }
    CHECK(pruners == std::set<std::string>{"stage.0.prune.0.criterion=\"bn_scale\"",
                                           "stage.1.prune.0.criterion=\"bn_scale\"",
                                           "stage.1.prune.0.criterion.penalty=0.0"});
  }
}

TEST_CASE("espalier sweep lists cells, runs them, and prints the tables") {
  const Files files;
  const std::string sweep = (files.directory.path() / "sweep.toml").string(),
                    out = (files.directory.path() / "out").string();
  const testing::Outcome listed = testing::run_program({"sweep", sweep, "--out", out, "--list"});
  CHECK(listed.exit_code == 0);
  CHECK(contains(listed.output, "missing    Pruned, at once/0.9/seed 2"));
  CHECK_FALSE(fs::exists(out));
  const testing::Outcome run =
      testing::run_program({"sweep", sweep, "--out", out, "--threads", "1", "--only", "dense/0.5/seed 1"});
  CAPTURE(run.output);
  CHECK(run.exit_code == 0);
  CHECK(contains(run.output, "(1 of 2)"));
  const testing::Outcome tables = testing::run_program({"sweep", sweep, "--out", out, "--tables"});
  CHECK(tables.exit_code == 0);
  CHECK(run.output.ends_with(tables.output));
  CHECK(testing::run_program({"sweep", sweep, "--only", "nothing"}).exit_code == 2);
  CHECK(contains(testing::run_program({"sweep", sweep, "seed=5"}).output, "list it in seeds"));
  const std::string base = (files.directory.path() / "base.toml").string();
  CHECK(contains(testing::run_program({"sweep", base}).output, "use `espalier run "));
  CHECK(contains(testing::run_program({"run", sweep}).output, "use `espalier sweep "));
}

}  // namespace espalier
