#include "experiments/read_figures.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/experiments/program.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const Json kResult = {{"label", "dense"},        {"epochs", 1},        {"steps", 2}, {"parameters", 10},
                      {"nonzero_parameters", 5}, {"wall_seconds", 1.5}};
const Json kSummary = {{"config_hash", "ab"},
                       {"test_accuracy", nullptr},
                       {"parameters", 10},
                       {"nonzero_parameters", 5},
                       {"macs", 100},
                       {"effective_macs", 50},
                       {"epochs", 1},
                       {"wall_seconds", 1.5},
                       {"weights_sha256", "abcdef"},
                       {"isa", "avx2"}};

// Is the file refused as one that is damaged?
template <class Read>
bool refuses(const Read& read, const std::string& text) {
  const testing::TemporaryDirectory directory;
  testing::write_text(directory.path() / "figures.json", text);
  try {
    read(directory.path() / "figures.json");
    return false;
  } catch (const Error& error) { return error.kind() == ErrorKind::integrity; }
}

template <class Read>
void check_every_figure_counts(const Read& read, const Json& good) {
  CHECK_FALSE(refuses(read, good.dump()));
  for (const char* bad : {"", "{", "[]", "3", "null", "\"text\""}) {
    CAPTURE(bad);
    CHECK(refuses(read, bad));
  }
  for (const auto& item : good.items()) {
    const std::string key = item.key();
    CAPTURE(key);
    Json without = good, other = good;
    without.erase(key);
    other[key] = Json::array();
    CHECK(refuses(read, without.dump()));
    CHECK(refuses(read, other.dump()));
  }
}

}  // namespace

TEST_CASE("a result of a stage that lacks a figure, or has another thing there, is refused with 3") {
  check_every_figure_counts(read_result, kResult);
  Json result = kResult;
  result["rounds"] = {kResult, kResult};
  CHECK_FALSE(refuses(read_result, result.dump()));
  result["rounds"][1].erase("epochs");
  CHECK(refuses(read_result, result.dump()));
  result["rounds"] = 3;
  CHECK(refuses(read_result, result.dump()));
  Json control = kResult;
  control.update({{"round", 1}, {"control", "shuffle"}});
  result["rounds"] = Json::array({kResult, kResult});
  result["controls"] = Json::array({control});
  CHECK_FALSE(refuses(read_result, result.dump()));
  for (const char* key : {"round", "control", "epochs"}) {
    CAPTURE(key);
    Json without = result;
    without["controls"][0].erase(key);
    CHECK(refuses(read_result, without.dump()));
  }
  result = kResult;
  result["shrink"] = Json::object();
  CHECK(refuses(read_result, result.dump()));
  result = kResult;
  result["metrics_bytes"] = "long";
  CHECK(refuses(read_result, result.dump()));
}

TEST_CASE("a summary of a run that lacks a figure, or has another thing there, is refused with 3") {
  check_every_figure_counts(read_summary, kSummary);
  Json summary = kSummary;
  summary["stages"] = Json::array({kResult});
  CHECK_FALSE(refuses(read_summary, summary.dump()));
  summary["stages"][0].erase("parameters");
  CHECK(refuses(read_summary, summary.dump()));
}

TEST_CASE("a run whose result.json is another thing does not resume") {
  const testing::TemporaryDirectory directory;
  const std::string config = (directory.path() / "tiny.toml").string();
  const fs::path run = directory.path() / "run";
  testing::write_text(config, R"(
model = { kind = "resnet20", width = 2 }
data = { kind = "synthetic", train_images = 16, test_images = 16 }
batch = 16
[[stage]]
epochs = 1
)");
  REQUIRE(testing::run_program({"run", config, "--out", run.string(), "--threads", "1"}).exit_code == 0);
  for (const char* bad : {"{}", "[]"}) {
    testing::write_text(run / "0-train" / "result.json", bad);
    const testing::Outcome resumed = testing::run_program({"resume", run.string()});
    CAPTURE(resumed.output);
    CHECK(resumed.exit_code == 3);
    CHECK(resumed.output.find("remove it to redo the stage") != std::string::npos);
  }
}

}  // namespace espalier
