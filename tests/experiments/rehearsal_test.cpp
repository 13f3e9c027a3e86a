// A mistake in a later stage is reported before the first one trains.
#include <doctest/doctest.h>

#include "experiments/runner.h"
#include "framework/core/error.h"
#include "tests/experiments/quiet.h"
#include "tests/support/temporary_directory.h"

using namespace espalier;

namespace {

// Runs a stage of training and then `second`; the message of the error, empty without one.
std::string refusal(const std::string& second, const std::filesystem::path& directory,
                    const std::vector<std::string>& overrides = {}) {
  testing::Quiet quiet;
  std::string text = R"(
model = { kind = "resnet20", width = 2 }
data = { kind = "synthetic", train_images = 32, test_images = 16 }
batch = 16
[[stage]]
name = "first"
epochs = 1
[[stage]]
name = "second"
)";
  text += second;
  ExperimentConfig config = read_experiment(parse_config_text(text, "test.toml"), overrides);
  try {
    run_experiment(config, directory, quiet.reporter);
  } catch (const Error& error) {
    CHECK((error.kind() == ErrorKind::usage || error.kind() == ErrorKind::integrity));
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("what a later stage would refuse, no earlier one trains for") {
  struct Case {
    const char *second, *message;
  };
  const Case cases[] = {
      {"epochs = 1\ndistill = { teacher = \"frist\" }", "did you mean 'first'?"},
      {"epochs = 1\nprune = [{ sparsity = 0.5, include = [\"no.such.*\"] }]", "matches no weight"},
      {"epochs = 1\nprune = [{ sparsity = 0.5, regrow = \"rigl\" }, { sparsity = 0.5 }]", "regrow 'rigl'"},
      {"kind = \"prune\"\nprune = [{ sparsity = 0.5, dependencies = true }]", "follow whole filters"},
      {"epochs = 1\ndistill = { teacher = \"/\" }", "/ is no checkpoint"},
      {"kind = \"transfer\"\nfrom = \"/\"", "/ is no checkpoint"},
      {"kind = \"transfer\"", "whose masks?"},
      {"kind = \"transfer\"\nfrom = \"runs/none\"", "no such checkpoint or run"},
      {"kind = \"lottery\"\nepochs = 1\nrewind_step = 3", "beyond the 2 steps"},
      {"kind = \"lottery\"\nepochs = 1\nshuffle = true\nticket = { granularity = \"filter\" }", "shuffle"},
      {"kind = \"lottery\"\nepochs = 1\nshuffle = true\nstart = \"continue\"", "use start \"rewind\""},
      {"kind = \"lottery\"\nepochs = 1\nticket = { include = [\"no.such.*\"] }", "matches no weight"},
  };
  for (const Case& c : cases) {
    const testing::TemporaryDirectory directory;
    const std::string message = refusal(c.second, directory.path() / "run");
    CAPTURE(message);
    CHECK(message.find(c.message) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(directory.path() / "run"));
  }
}

TEST_CASE("a criterion that cannot score the network is refused before the first stage, too") {
  for (const char* second : {"epochs = 1\nprune = [{ sparsity = 0.5, criterion = \"synflow\" }]",
                             "kind = \"prune\"\nprune = [{ sparsity = 0.5, criterion = \"synflow\" }]",
                             "kind = \"lottery\"\nepochs = 1\nticket = { criterion = \"synflow\" }"}) {
    CAPTURE(second);
    const testing::TemporaryDirectory directory;
    const std::string message = refusal(second, directory.path() / "run",
                                        {"model={ kind = \"vit\", dim = 16, depth = 1, heads = 2 }"});
    CHECK(message.find("does not scale with its input") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(directory.path() / "run"));
  }
}

TEST_CASE("a run that is refused leaves a folder as it was") {
  const testing::TemporaryDirectory directory;
  CHECK_FALSE(refusal("kind = \"transfer\"", directory.path()).empty());
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("a later stage may name what an earlier one leaves") {
  const testing::TemporaryDirectory directory;
  CHECK(refusal("epochs = 1\ndistill = { teacher = \"first\" }", directory.path() / "run").empty());
}
