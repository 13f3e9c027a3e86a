#include "experiments/stages/lottery.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "experiments/about.h"
#include "experiments/reporter.h"
#include "experiments/runner.h"
#include "tests/experiments/quiet.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

// Rounds that change no weight (the rate is 0, unless `keys` say otherwise): what a round starts from is what
// it ends with.
std::string config_text(const std::string& keys) {
  return R"(
model = { kind = "resnet20", width = 4 }
data = { kind = "synthetic", train_images = 32, test_images = 16 }
batch = 16
[[stage]]
kind = "lottery"
share = 0.5
epochs = 1
)" + keys +
         (("\n" + keys).find("\nrounds") == std::string::npos ? "\nrounds = 2" : "") +
         (keys.find("optimizer") == std::string::npos ? "\noptimizer = { kind = \"sgd\", lr = 0.0 }" : "");
}

struct Run {
  testing::TemporaryDirectory directory;
  nlohmann::ordered_json summary;

  explicit Run(const std::string& keys, const std::vector<std::string>& changes = {}) {
    ExperimentConfig config = read_experiment(parse_config_text(config_text(keys), "test.toml"), changes);
    testing::Quiet quiet;
    summary = run_experiment(config, directory.path() / "run", quiet.reporter);
  }

  std::shared_ptr<nn::Module> trained(const std::string& part) const {
    return load_model(directory.path() / "run" / "0-lottery" / part / "checkpoint").model;
  }
  std::shared_ptr<nn::Module> ticket(int round) const { return trained(fmt::format("round-{:02}", round)); }
};

nn::Parameter& weight(nn::Module& model) {
  for (nn::Parameter* parameter : model.parameters()) {
    if (parameter->name == "layer2.0.conv2.weight") return *parameter;
  }
  throw std::logic_error("no such weight");
}

std::vector<std::uint8_t> mask_of(nn::Module& model) {
  const nn::Parameter& p = weight(model);
  return std::vector<std::uint8_t>(p.mask.data(), p.mask.data() + p.value.numel());
}

}  // namespace

TEST_CASE("each round of a lottery prunes its share of what is left, and its figures stand in the summary") {
  const Run run("");
  const nlohmann::ordered_json& rounds = run.summary.at("stages").at(0).at("rounds");
  REQUIRE(rounds.size() == 3);
  CHECK(run.summary.at("epochs") == 3);
  CHECK(run.summary.at("test_accuracy") == rounds[2].at("test_accuracy"));
  const auto conv_density = [&](int round) {
    double kept = 0.0, all = 0.0;
    const auto model = run.ticket(round);
    for (const nn::Parameter* p : model->parameters()) {
      if (p->kind != nn::ParameterKind::weight) continue;
      kept += static_cast<double>(p->nonzeros());
      all += static_cast<double>(p->value.numel());
    }
    return kept / all;
  };
  CHECK(conv_density(0) == 1.0);
  CHECK(conv_density(1) == doctest::Approx(0.5).epsilon(1e-3));
  CHECK(conv_density(2) == doctest::Approx(0.25).epsilon(1e-3));
}

TEST_CASE("a rewound ticket has the weights of the start, where it has any") {
  const Run run("start = \"rewind\"");
  const auto dense = run.ticket(0), ticket = run.ticket(2);
  const nn::Parameter &before = weight(*dense), &after = weight(*ticket);
  REQUIRE_FALSE(after.mask.dense());
  for (std::int64_t i = 0; i < after.value.numel(); ++i)
    CHECK(after.value.data()[i] == (after.mask.data()[i] != 0 ? before.value.data()[i] : 0.0f));
}

TEST_CASE("a rewound round goes on at its step, with the rates, images and steps that were left there") {
  const auto run_with = [](const std::string& momentum) {
    return Run("rewind_step = 4\noptimizer = { kind = \"sgd\", lr = 0.1, momentum = " + momentum + " }",
               {"stage.0.share=0.0", "stage.0.epochs=2", "data.train_images=48", "augment.flip=true"});
  };
  // Three steps an epoch. The ticket keeps everything; without momentum weights are all that a step leaves.
  const Run plain = run_with("0.0");
  const nlohmann::ordered_json& rounds = plain.summary.at("stages").at(0).at("rounds");
  REQUIRE(rounds.size() == 3);
  for (const std::size_t round : {1u, 2u}) {
    CAPTURE(round);
    CHECK(rounds[round].at("weights_sha256") == rounds[0].at("weights_sha256"));
    CHECK(rounds[round].at("begin_step") == 4);
    CHECK(rounds[round].at("steps") == 2);
    CHECK(rounds[round].at("epochs") == 1);
  }
  CHECK(rounds[0].at("steps") == 6);
  CHECK(plain.summary.at("epochs") == 4);
  std::vector<nlohmann::json> lines;
  std::ifstream file(plain.directory.path() / "run" / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  REQUIRE(lines.size() == 4);  // two epochs, then twice the rest of the second
  for (const char* key : {"epoch", "step", "lr"}) {
    CAPTURE(key);
    CHECK(lines[2].at(key) == lines[1].at(key));
  }

  const Run heavy = run_with("0.9");  // which begins at 0 again
  const nlohmann::ordered_json& others = heavy.summary.at("stages").at(0).at("rounds");
  CHECK(others[1].at("weights_sha256") != others[0].at("weights_sha256"));
  CHECK(others[2].at("weights_sha256") == others[1].at("weights_sha256"));
}

TEST_CASE("only a rewound round begins later") {
  for (const char* start : {"continue", "reinitialise"}) {
    CAPTURE(start);
    const Run run(std::string("rewind_step = 1\nstart = \"") + start + "\"");
    const nlohmann::ordered_json& round = run.summary.at("stages").at(0).at("rounds").at(1);
    CHECK(round.at("steps") == 2);
    CHECK_FALSE(round.contains("begin_step"));
  }
}

TEST_CASE("the controls: new weights under the same mask, and the same number of weights at other places") {
  const Run rewound("start = \"rewind\""), random("start = \"reinitialise\""), shuffled("shuffle = true");
  const auto a = rewound.ticket(1), b = random.ticket(1), c = shuffled.ticket(1);
  CHECK(mask_of(*a) == mask_of(*b));
  CHECK(weight(*a).value.to_vector() != weight(*b).value.to_vector());
  CHECK(mask_of(*a) != mask_of(*c));
  CHECK(weight(*a).nonzeros() == weight(*c).nonzeros());
}

TEST_CASE("controls of tickets train after the rounds, and leave these and the stage's outcome as they are") {
  const std::string keys = "rewind_step = 1\n";
  const Run plain(keys),
      controlled(keys + "controls = [\"reinitialise\", \"shuffle\"]\ncontrol_rounds = [2, 1]");
  const nlohmann::ordered_json &without = plain.summary.at("stages").at(0),
                               &with = controlled.summary.at("stages").at(0);
  for (const char* key : {"weights_sha256", "test_accuracy", "test_loss", "nonzero_parameters"}) {
    CAPTURE(key);
    CHECK(with.at(key) == without.at(key));
    for (std::size_t round = 0; round < 3; ++round)
      CHECK(with.at("rounds").at(round).at(key) == without.at("rounds").at(round).at(key));
  }
  CHECK_FALSE(without.contains("controls"));
  const nlohmann::ordered_json& controls = with.at("controls");
  REQUIRE(controls.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    const bool shuffled = i % 2 == 0;
    const std::size_t round = 1 + i / 2;
    CHECK(controls[i].at("round") == round);
    CHECK(controls[i].at("control") == (shuffled ? "shuffle" : "reinitialise"));
    CHECK(controls[i].at("steps") == (shuffled ? 1 : 2));  // new weights have taken none yet
    CHECK(controls[i].contains("test_accuracy"));
    CHECK(controls[i].at("nonzero_parameters") == with.at("rounds").at(round).at("nonzero_parameters"));
  }
  CHECK(with.at("epochs") == 3 + 4);

  const auto dense = controlled.ticket(0), ticket = controlled.ticket(1),
             elsewhere = controlled.trained("round-01-shuffle"),
             fresh = controlled.trained("round-01-reinitialise");
  CHECK(mask_of(*elsewhere) != mask_of(*ticket));
  CHECK(weight(*elsewhere).nonzeros() == weight(*ticket).nonzeros());
  for (std::int64_t i = 0; i < weight(*dense).value.numel(); ++i) {
    const float early = weight(*dense).value.data()[i];
    CHECK(weight(*elsewhere).value.data()[i] ==
          (mask_of(*elsewhere)[static_cast<std::size_t>(i)] != 0 ? early : 0.0f));
  }
  CHECK(mask_of(*fresh) == mask_of(*ticket));
  CHECK(weight(*fresh).value.to_vector() != weight(*ticket).value.to_vector());
}

TEST_CASE("controls that make no sense are refused") {
  const auto refuses = [](const std::string& keys, const char* message) {
    CAPTURE(keys);
    CHECK_THROWS_WITH_AS(Run("controls = [\"shuffle\"]\n" + keys), doctest::Contains(message), Error);
  };
  refuses("control_rounds = [3]", "there is no ticket of round 3 to control: rounds is 2");
  refuses("start = \"continue\"", "controls are of rewound tickets");
  refuses("shuffle = true", "controls are of rewound tickets");
  refuses("ticket = { granularity = \"filter\" }", "would break up the units");
  CHECK_THROWS_WITH_AS(Run("controls = [\"shufle\"]"), doctest::Contains("did you mean 'shuffle'?"), Error);
}

TEST_CASE("the last round reaches the sparsity that is asked for, each round by the same share") {
  const Run run("sparsity = 0.96");
  const auto density = [&](int round) {
    const auto model = run.ticket(round);
    return static_cast<double>(weight(*model).nonzeros());
  };
  double kept = 0.0, all = 0.0;
  const auto last = run.ticket(2);
  for (const nn::Parameter* p : last->parameters()) {
    if (p->kind != nn::ParameterKind::weight) continue;
    kept += static_cast<double>(p->nonzeros());
    all += static_cast<double>(p->value.numel());
  }
  CHECK(kept / all == doctest::Approx(0.04).epsilon(1e-3));
  CHECK(density(1) > density(2));
}

TEST_CASE("fine-tuning trains a round at a fraction of the rate, learning-rate rewinding at the whole") {
  const auto rates = [](const std::string& keys) {
    const Run run(keys + "\noptimizer = { kind = \"sgd\", lr = 0.5 }\nschedule = \"constant\"");
    std::vector<double> lr;
    std::ifstream file(run.directory.path() / "run" / "metrics.jsonl");
    for (std::string line; std::getline(file, line);) {
      const nlohmann::json json = nlohmann::json::parse(line);
      if (!json.contains("event")) lr.push_back(json.at("lr"));  // an epoch
    }
    return lr;
  };
  CHECK(rates("start = \"continue\"") == std::vector<double>{0.5, 0.5, 0.5});
  CHECK(rates("start = \"continue\"\nretrain_lr = 0.25") == std::vector<double>{0.5, 0.125, 0.125});
}

TEST_CASE("a lottery does not rewind to a step that is never reached") {
  CHECK_THROWS_WITH_AS(Run("rewind_step = 3"), doctest::Contains("beyond the 2 steps of a round"), Error);
}

TEST_CASE("shuffled masks go on from trained weights, but not from those that an earlier round has pruned") {
  const Run run("start = \"continue\"\nshuffle = true\nrounds = 1");
  const auto dense = run.ticket(0), ticket = run.ticket(1);
  const nn::Parameter &before = weight(*dense), &after = weight(*ticket);
  REQUIRE_FALSE(after.mask.dense());
  for (std::int64_t i = 0; i < after.value.numel(); ++i)
    CHECK(after.value.data()[i] == (after.mask.data()[i] != 0 ? before.value.data()[i] : 0.0f));
  CHECK_THROWS_WITH_AS(Run("start = \"continue\"\nshuffle = true"),
                       doctest::Contains("an earlier round has pruned"), Error);
}

TEST_CASE("a lottery does not shuffle units of several weights") {
  CHECK_THROWS_WITH_AS(Run("shuffle = true\nticket = { granularity = \"filter\" }"),
                       doctest::Contains("would break up the units"), Error);
}

}  // namespace espalier
