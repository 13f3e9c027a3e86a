#include <doctest/doctest.h>

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
  for (const char* command : {"run", "resume", "eval", "inspect", "config", "data", "methods", "results"}) {
    CAPTURE(command);
    CHECK(all.output.find(command) != std::string::npos);
    const Outcome help = run_program({command, "--help"});
    CHECK(help.exit_code == 0);
    CHECK(help.output.find("Usage") != std::string::npos);
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
  CHECK(run_program({"eval", "/nonexistent/run"}).exit_code == 5);
  CHECK(run_program({"resume", "/nonexistent/run"}).exit_code == 5);
  CHECK(run_program({"data", "verify", "cifar10", "--dir", "/nonexistent"}).exit_code == 5);
}

}  // namespace
}  // namespace espalier
