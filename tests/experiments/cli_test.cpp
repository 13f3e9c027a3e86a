#include <doctest/doctest.h>

#include "framework/core/files.h"
#include "tests/experiments/program.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

using testing::Outcome;
using testing::run_program;

TEST_CASE("mistakes on the command line exit with 2 and name what was nearest") {
  const struct {
    std::vector<std::string> arguments;
    const char* says;
  } cases[] = {
      {{"rnu"}, "did you mean 'run'?"},
      {{"run", "--trheads", "2"}, "did you mean '--threads'?"},
      {{"run"}, "config is missing"},
      {{"methods", "extra"}, "one argument too many"},
      {{"config", "chekc"}, "did you mean 'check'?"},
      {{"config", "check"}, "config is missing"},
      {{"bench", "infre"}, "did you mean 'infer'?"},
      {{"bench", "infer", "--batch", "0"}, "--batch expects 1 or more"},
      {{"bench", "train", "--sparsity", "0.5,half"}, "--sparsity expects numbers, got 'half'"},
      {{"bench", "train", "--sparsity", "1"}, "--sparsity expects fractions below 1, got 1"},
      {{"bench", "train", "--sparsity", "0.5", "--blocks", "2x2"},
       "--blocks expects 1x1, 4x4 or filters, got '2x2'"},
      {{"bench", "train", "--precision", "f16"}, "--precision is f32 or bf16, got 'f16'"},
      {{"bench", "infer", "--precision", "bf16"}, "infer, which has kernels of f32 alone"},
      {{"bench", "conv", "runs/some"}, "conv measures no checkpoint ('runs/some')"},
      {{"bench", "infer", "--sparsity", "0.5,0.9"}, "infer takes one --sparsity"},
      {{"data", "gte", "cifar10"}, "did you mean 'get'?"},
      {{"data", "get", "cifar100"}, "did you mean 'cifar10'?"},
      {{"run", "x.toml", "--threads", "many"}, "espalier run"},
  };
  for (const auto& bad : cases) {
    const Outcome outcome = run_program(bad.arguments);
    CAPTURE(outcome.output);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.output.find(bad.says) != std::string::npos);
  }
}

TEST_CASE("every command explains itself") {
  const Outcome all = run_program({"--help"});
  CHECK(all.exit_code == 0);
  CHECK(run_program({"--version"}).output.find("espalier 0.1.0") == 0);
  for (const char* command :
       {"run", "resume", "sweep", "eval", "inspect", "sensitivity", "config", "data", "methods", "results"}) {
    CAPTURE(command);
    CHECK(all.output.find(command) != std::string::npos);
    const Outcome help = run_program({command, "--help"});
    CHECK(help.exit_code == 0);
    CHECK(help.output.find("Usage") != std::string::npos);
  }
}

TEST_CASE("output that cannot be written exits with 5") {
  for (const char* command : {"--help", "--version", "methods"}) {
    CAPTURE(command);
    CHECK(testing::Program({command}, "/dev/full").wait() == 5);
  }
}

TEST_CASE("what cannot be read exits with 5") {
  const testing::TemporaryDirectory directory;
  const std::string circle = (directory.path() / "circle").string();
  std::filesystem::create_symlink(circle, circle);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"config", "check", directory.path().string()},
        {"config", "check", circle},
        {"inspect", circle},
        {"resume", circle}}) {
    const Outcome outcome = run_program(arguments);
    CAPTURE(outcome.output);
    CHECK(outcome.exit_code == 5);
    CHECK(outcome.output.find("cannot read") != std::string::npos);
  }
}

TEST_CASE("JSON is JSON, whatever bytes a path has") {
  const testing::Variable cache("XDG_CACHE_HOME", "/nowhere/\xff");
  const Outcome outcome = run_program({"doctor", "--json"});
  CHECK(nlohmann::json::parse(outcome.output)
            .at("tuning")
            .at("cache")
            .get<std::string>()
            .starts_with("/nowhere/"));
}

TEST_CASE("config help lists the keys of experiments and of sweeps") {
  const std::string help = run_program({"config", "help"}).output;
  for (const char* key : {"[[stage]]", "[[row]]", "[columns]", "[beside]", "seeds = [1]", "base = "}) {
    CAPTURE(key);
    CHECK(help.find(key) != std::string::npos);
  }
}

TEST_CASE("a config with mistakes exits with 2 and lists them all") {
  const testing::TemporaryDirectory directory;
  const std::string path = (directory.path() / "bad.toml").string();
  testing::write_text(path, "sede = 1\nmodel = \"resnet21\"\n[[stage]]\nkind = \"train\"\nepocs = 3\n");
  const Outcome outcome = run_program({"config", "check", path});
  CAPTURE(outcome.output);
  CHECK(outcome.exit_code == 2);
  for (const char* part :
       {"bad.toml:1:1", "did you mean 'seed'?", "resnet21", "bad.toml:5:1", "did you mean 'epochs'?"})
    CHECK(outcome.output.find(part) != std::string::npos);
  CHECK(run_program({"config", "check", (directory.path() / "none.toml").string()}).exit_code == 5);
}

TEST_CASE("config check knows a sweep") {
  const std::string sweep = std::string(ESPALIER_SOURCE_DIR) + "/experiments/configs/pruning-matrix.toml";
  const Outcome checked = run_program({"config", "check", sweep});
  CHECK(checked.exit_code == 0);
  CHECK(checked.output.find("pruning-matrix: ok, a sweep of 22 rows") != std::string::npos);
  const Outcome shown = run_program({"config", "show", sweep});
  CHECK(shown.exit_code == 2);
  CHECK(shown.output.find("--list") != std::string::npos);
  const Outcome changed = run_program({"config", "check", sweep, "stage.0.epocs=3"});
  CHECK(changed.exit_code == 2);
  CHECK(changed.output.find("did you mean 'epochs'?") != std::string::npos);
}

TEST_CASE("what config show prints is a config with the same hash") {
  const testing::TemporaryDirectory directory;
  const std::string config = std::string(ESPALIER_SOURCE_DIR) + "/experiments/configs/quickstart.toml";
  const Outcome shown = run_program({"config", "show", config, "seed=7"});
  REQUIRE(shown.exit_code == 0);
  const std::string path = (directory.path() / "shown.toml").string();
  testing::write_text(path, shown.output);
  const Outcome a = run_program({"config", "check", config, "seed=7", "--json"});
  const Outcome b = run_program({"config", "check", path, "--json"});
  CHECK(a.exit_code == 0);
  CHECK(a.output == b.output);
}

TEST_CASE("paths that lead nowhere exit with 5") {
  const testing::TemporaryDirectory directory;
  CHECK(run_program({"eval", "/nonexistent/run"}).exit_code == 5);
  CHECK(run_program({"run", ESPALIER_SOURCE_DIR "/experiments/configs/quickstart.toml", "--kernels",
                     "/nonexistent/kernels.json", "--out", (directory.path() / "run").string()})
            .exit_code == 5);
  CHECK(run_program({"resume", "/nonexistent/run"}).exit_code == 5);
  const Outcome verified = run_program({"data", "verify", "cifar10", "--dir", "/nonexistent"});
  CHECK(verified.exit_code == 5);
  CHECK(verified.output.find("found no cifar-10-batches-bin/ in /nonexistent") != std::string::npos);
}

TEST_CASE("a sensitivity analysis goes on where it was, and refuses another model's file") {
  const testing::TemporaryDirectory directory;
  const std::string config = (directory.path() / "tiny.toml").string(),
                    out = (directory.path() / "points.jsonl").string();
  testing::write_text(
      config,
      "model = { kind = \"resnet20\", width = 2 }\nbatch = 16\n"
      "data = { kind = \"synthetic\", train_images = 16, test_images = 16 }\n[[stage]]\nepochs = 1\n");
  const std::string run = (directory.path() / "run").string(), other = (directory.path() / "other").string();
  REQUIRE(run_program({"run", config, "--out", run}).exit_code == 0);
  REQUIRE(run_program({"run", config, "seed=2", "--out", other}).exit_code == 0);
  const auto analyse = [&](const std::string& model, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"sensitivity",  model,     "--split", "test",
                                          "--sparsities", "0.5,0.9", "--out",   out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  };
  const Outcome whole = analyse(run, {"--json"});
  REQUIRE(whole.exit_code == 0);
  CHECK(nlohmann::json::parse(whole.output).at("points").size() == 1 + 2 * 20);
  const std::string text = read_file(out, 1 << 20);
  // As if it had been stopped: before its first byte, in its first line, between two lines, in one.
  const std::size_t line_end = text.find('\n', text.size() / 2) + 1;
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, line_end, line_end + 10, line_end - 1}) {
    CAPTURE(length);
    testing::write_text(out, text.substr(0, length));
    CHECK(analyse(run, {"--json"}).output == whole.output);
    CHECK(read_file(out, 1 << 20) == text);
  }
  // A file that begins with a layer, as after an edit: the table has it all the same.
  const std::size_t second_line = text.find('\n') + 1, third_line = text.find('\n', second_line) + 1;
  testing::write_text(out, text.substr(0, second_line) + text.substr(third_line));
  const Outcome table = analyse(run);
  CHECK(table.exit_code == 0);
  CHECK(table.output.find("\nconv1.weight ") != std::string::npos);
  for (const std::string& foreign : {std::string("notes"), text.substr(text.find('\n') + 1)}) {
    testing::write_text(out, foreign);
    CHECK(analyse(run).exit_code == 2);
    CHECK(read_file(out, 1 << 20) == foreign);
  }
  testing::write_text(out, text);
  CHECK(analyse(other).exit_code == 2);
  CHECK(analyse(run, {"--drop", "100"}).output.find("scope = { kind = \"table\"") != std::string::npos);
  for (const std::vector<std::string>& mistake : {std::vector<std::string>{"--criterion", "magnitud"},
                                                  {"--granularity", "filtre"},
                                                  {"--each"},
                                                  {"--criterion", "movement"}}) {
    CAPTURE(mistake.back());
    std::filesystem::remove(out);
    CHECK(analyse(run, mistake).exit_code == 2);
    CHECK_FALSE(std::filesystem::exists(out));
  }
  CHECK(run_program({"sensitivity", run}).output.find("data.validation_images") != std::string::npos);
}

}  // namespace
}  // namespace espalier
