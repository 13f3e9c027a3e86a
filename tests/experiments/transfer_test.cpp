#include "experiments/stages/transfer.h"

#include <doctest/doctest.h>

#include "experiments/about.h"
#include "experiments/runner.h"
#include "tests/experiments/quiet.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

constexpr const char* kTicket = R"(
model = { kind = "resnet20", width = 2 }
data = { kind = "synthetic", train_images = 32, test_images = 16 }
batch = 16
[[stage]]
kind = "prune"
[[stage.prune]]
sparsity = 0.7
criterion = "snip"
)";

// Another seed, and training after.
std::string transferred(const std::string& from, const char* width, const char* more) {
  return std::string("seed = 5\nbatch = 16\nmodel = { kind = \"resnet20\", width = ") + width +
         " }\ndata = { kind = \"synthetic\", train_images = 32, test_images = 16 }\n[[stage]]\n"
         "kind = \"transfer\"\nfrom = \"" +
         from + "\"\n" + more + "[[stage]]\nepochs = 1\n";
}

struct Runs {
  testing::TemporaryDirectory directory;
  testing::Quiet quiet;

  std::shared_ptr<nn::Module> run(const char* name, const std::string& text) {
    ExperimentConfig config = read_experiment(parse_config_text(text, "test.toml"));
    run_experiment(config, directory.path() / name, quiet.reporter);
    return load_model(directory.path() / name).model;
  }
};

}  // namespace

TEST_CASE("a ticket's masks go to another run and stay through its training; its own weights are its own") {
  Runs runs;
  const auto ticket = runs.run("ticket", kTicket);
  const std::string from = (runs.directory.path() / "ticket").string();
  const auto other = runs.run("other", transferred(from, "2", "exclude = [\"fc.*\"]\n"));
  const std::vector<nn::Parameter*> a = ticket->parameters(), b = other->parameters();
  bool same_values = true;
  for (std::size_t p = 0; p < a.size(); ++p) {
    CAPTURE(a[p]->name);
    if (a[p]->kind != nn::ParameterKind::weight) continue;
    if (a[p]->name == "fc.weight") {
      CHECK(b[p]->mask.dense());
      continue;
    }
    const std::size_t numel = static_cast<std::size_t>(a[p]->value.numel());
    CHECK(std::equal(a[p]->mask.data(), a[p]->mask.data() + numel, b[p]->mask.data()));
    same_values = same_values && a[p]->value.to_vector() == b[p]->value.to_vector();
  }
  CHECK_FALSE(same_values);
}

TEST_CASE("a shuffled ticket keeps as many weights in each layer, at other places, with their own values") {
  Runs runs;
  const auto ticket = runs.run("ticket", kTicket);
  const std::string from = (runs.directory.path() / "ticket").string();
  // Without the training after.
  const auto masked = [&](const char* name, const std::string& keys) {
    std::string text = transferred(from, "2", keys.c_str());
    return runs.run(name, text.erase(text.rfind("[[stage]]")));
  };
  const auto plain = masked("plain", ""), shuffled = masked("shuffled", "shuffle = true\n");
  ExperimentConfig config = read_experiment(parse_config_text(transferred(from, "2", ""), "test.toml"));
  const auto born = config.build_model({3, 32, 32}, 10);
  bool elsewhere = false;
  for (std::size_t p = 0; p < ticket->parameters().size(); ++p) {
    const nn::Parameter &a = *plain->parameters()[p], &b = *shuffled->parameters()[p];
    CAPTURE(a.name);
    CHECK(a.nonzeros() == b.nonzeros());
    if (b.mask.dense()) continue;
    elsewhere = elsewhere || !std::equal(a.mask.data(), a.mask.data() + a.value.numel(), b.mask.data());
    const float* value = born->parameters()[p]->value.data();
    for (std::int64_t i = 0; i < b.value.numel(); ++i)
      CHECK(b.value.data()[i] == (b.mask.data()[i] != 0 ? value[i] : 0.0f));
  }
  CHECK(elsewhere);
}

TEST_CASE("masks that do not fit, or are not there, are refused by name") {
  Runs runs;
  runs.run("ticket", kTicket);
  const std::string from = (runs.directory.path() / "ticket").string();
  CHECK_THROWS_WITH_AS(runs.run("wider", transferred(from, "3", "")), doctest::Contains("conv1.weight"),
                       Error);
  CHECK_THROWS_WITH_AS(runs.run("none", transferred(from, "2", "exclude = [\"*\"]\n")),
                       doctest::Contains("no mask to transfer"), Error);
  CHECK_THROWS_WITH_AS(runs.run("mistyped", transferred(from, "2", "exclude = [\"fcc.*\"]\n")),
                       doctest::Contains("the pattern 'fcc.*' matches no weight"), Error);
  CHECK_THROWS_WITH_AS(runs.run("empty", transferred("", "2", "")), doctest::Contains("from is empty"),
                       Error);
}

}  // namespace espalier
