// A run goes on with the kernels that it began with, whatever this machine would choose today.
#include "experiments/kernels_file.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "experiments/build_info.h"
#include "framework/core/error.h"
#include "framework/core/files.h"
#include "kernels/backend.h"
#include "kernels/base/isa.h"
#include "tests/experiments/program.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::Outcome;
using testing::Program;
using testing::TemporaryDirectory;
using testing::Variable;

// Wide enough for Winograd, and sparse enough for sparse kernels.
constexpr const char* kConfig = R"(
name = "choices"
seed = 3
batch = 16
model = { kind = "resnet20", width = 16 }
data = { kind = "synthetic", train_images = 72, test_images = 32 }
checkpoint = { every_steps = 2 }
[[stage]]
kind = "train"
epochs = 2
[[stage.prune]]
sparsity = 0.97
schedule = { kind = "cubic", begin = 0.0, end = 0.5, every = 2 }
)";

const Note kSilent = [](const std::string&) {};

struct Fixture {
  TemporaryDirectory directory;
  Variable cache{"XDG_CACHE_HOME", (directory.path() / "cache").string()};
  Variable tune{"ESPALIER_TUNE", "on"};

  fs::path path(const char* name) const { return directory.path() / name; }

  std::vector<std::string> run_arguments(const char* out, const std::vector<std::string>& more = {}) const {
    testing::write_text(path("config.toml"), kConfig);
    std::vector<std::string> arguments = {
        "run", path("config.toml").string(), "--out", path(out).string(), "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  Outcome run(const char* out, const std::vector<std::string>& more = {}) const {
    return testing::run_program(run_arguments(out, more));
  }
  std::string weights(const char* out) const {
    return testing::read_json(path(out) / "summary.json").at("weights_sha256");
  }
  nlohmann::json kernels(const char* out) const { return testing::read_json(path(out) / "kernels.json"); }

  static bool has_checkpoint(const fs::path& stage) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(stage, ignored)) {
      if (entry.path().filename().string().starts_with("step-") && entry.path().extension() != ".new")
        return true;
    }
    return false;
  }

  // Lets the run begin, and stops it at a checkpoint in the middle.
  void begin_and_kill(const char* out, const std::vector<std::string>& more = {}) const {
    Program program(run_arguments(out, more), path("log"));
    while (program.running() && !has_checkpoint(path(out) / "0-train")) ::usleep(1000);
    program.send(SIGKILL);
    program.wait();
    REQUIRE(!fs::exists(path(out) / "summary.json"));
  }
};

// A file of choices in which every algorithm that can be is another one.
std::string with_direct_kernels(std::string text) {
  for (std::size_t at = text.find("wino4x4"); at != std::string::npos; at = text.find("wino4x4"))
    text.replace(at, 7, "direct");
  return text;
}

}  // namespace

TEST_CASE("a run that begins writes what it will keep to, and one from before there were choices has none") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "kernels.json";
  CHECK_FALSE(read_kernels(path).has_value());
  { CHECK_FALSE(KernelsFile(path, /*run_begins=*/false, kSilent).tuned()); }
  CHECK_FALSE(fs::exists(path));
  { CHECK_FALSE(KernelsFile(path, /*run_begins=*/true, kSilent).tuned()); }  // nobody wanted tuning
  REQUIRE(read_kernels(path).has_value());
  CHECK_FALSE(read_kernels(path)->tuned);
}

TEST_CASE("a damaged kernels.json is an error that says what to do") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "kernels.json";
  for (const char* bad : {"", "{", "[]", R"({"format":1})", R"({"format":9,"tuned":true})",
                          R"({"format":1,"tuned":"yes","dense":{},"break_even":{}})",
                          R"({"format":1,"tuned":true,"dense":{"a":1},"break_even":{}})"}) {
    CAPTURE(bad);
    testing::write_text(path, bad);
    CHECK_THROWS_WITH_AS(KernelsFile(path, false, kSilent), doctest::Contains("kernels.json is damaged"),
                         Error);
    CHECK_THROWS_AS(RecordedKernels(directory.path() / "0-train" / "checkpoint"), Error);
  }
}

TEST_CASE("a kernels.json that cannot be read is no damaged one, and none that is missing") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "kernels.json";
  fs::create_symlink(path, path);  // a circle
  try {
    read_kernels(path);
    FAIL("it was read");
  } catch (const Error& error) { CHECK(error.kind() == ErrorKind::io); }
}

TEST_CASE("a run adopts another one's kernels before it has its own") {
  const TemporaryDirectory directory;
  const fs::path theirs = directory.path() / "theirs.json", ours = directory.path() / "kernels.json";
  CHECK_THROWS_AS(kernels_to_adopt(theirs), Error);
  const auto kernels_of = [&](const std::string& text) {
    testing::write_text(theirs, text);
    return kernels_to_adopt(theirs);
  };
  const RunKernels adopted =
      kernels_of(R"({"format":1,"tuned":true,"dense":{"a":{"kernel":"k"}},"break_even":{}})");
  { CHECK(KernelsFile(ours, /*run_begins=*/true, kSilent, adopted).tuned()); }
  REQUIRE(read_kernels(ours).has_value());
  CHECK(read_kernels(ours)->choices.dense.at("a").kernel == "k");
  { CHECK(KernelsFile(ours, /*run_begins=*/false, kSilent, adopted).tuned()); }  // the same again
  const RunKernels part = kernels_of(R"({"format":1,"tuned":true,"dense":{},"break_even":{}})");
  { CHECK(KernelsFile(ours, /*run_begins=*/false, kSilent, part).tuned()); }  // it has chosen more since
  for (const char* other : {R"({"format":1,"tuned":false,"dense":{},"break_even":{}})",
                            R"({"format":1,"tuned":true,"dense":{"a":{"kernel":"other"}},"break_even":{}})",
                            R"({"format":1,"tuned":true,"dense":{"b":{"kernel":"k"}},"break_even":{}})"}) {
    CAPTURE(other);
    CHECK_THROWS_WITH_AS(KernelsFile(ours, false, kSilent, kernels_of(other)),
                         doctest::Contains("another --out"), Error);
  }
  // One that began without a record keeps to the fixed rule.
  const fs::path before = directory.path() / "before.json";
  CHECK_THROWS_AS(KernelsFile(before, /*run_begins=*/false, kSilent, adopted), Error);
  CHECK_FALSE(fs::exists(before));
}

TEST_CASE_FIXTURE(Fixture, "a run that is refused does not write the kernels that it was to adopt") {
  const fs::path theirs = path("theirs.json");
  testing::write_text(theirs, R"({"format":1,"tuned":true,"dense":{},"break_even":{}})");
  const std::vector<std::string> adopting = {"--kernels", theirs.string()};
  const auto with = [&](std::vector<std::string> arguments, const char* more) {
    arguments.emplace_back(more);
    return arguments;
  };
  REQUIRE(run("owned", {"--no-tune"}).exit_code == 0);
  fs::remove(path("owned") / "kernels.json");                    // as a program without measurements left it
  CHECK(run("owned", with(adopting, "seed=4")).exit_code == 2);  // another experiment
  CHECK(run("owned", adopting).exit_code == 2);
  CHECK_FALSE(fs::exists(path("owned") / "kernels.json"));
  CHECK(run("refused", with(adopting, "stage.0.prune.0.include=[\"no.such.*\"]")).exit_code == 2);
  CHECK_FALSE(fs::exists(path("refused")));
}

TEST_CASE("a checkpoint finds its run's kernels, from a round of a stage too") {
  const TemporaryDirectory directory;
  testing::write_text(directory.path() / "kernels.json",
                      R"({"format":1,"tuned":true,"dense":{},"break_even":{}})");
  for (const char* checkpoint : {"0-train/checkpoint", "0-lottery/round-01/checkpoint"})
    CHECK(RecordedKernels(directory.path() / checkpoint).path() == directory.path() / "kernels.json");
  CHECK(RecordedKernels("/nowhere/at/all").path().empty());
}

TEST_CASE_FIXTURE(Fixture, "with a record of its choices a killed run resumes to the bits of a whole one" *
                               doctest::skip(kernels::active_backend() != kernels::Backend::native ||
                                             kernels::active_isa() == kernels::Isa::portable)) {
  // What the clock says is unknown; the second run finds it in the cache, and so has the same bits.
  REQUIRE(run("tuned").exit_code == 0);
  CHECK(kernels("tuned").at("tuned") == true);
  CHECK(testing::read_json(path("tuned") / "summary.json").at("kernels") == "measured");
  CHECK(kernels("tuned").at("dense").size() > 10);
  CHECK(kernels("tuned").at("break_even").size() > 0);
  REQUIRE(run("again").exit_code == 0);
  CHECK(weights("again") == weights("tuned"));
  CHECK(kernels("again") == kernels("tuned"));

  REQUIRE(run("fixed", {"--no-tune"}).exit_code == 0);
  CHECK(kernels("fixed").at("tuned") == false);
  CHECK(testing::read_json(path("fixed") / "summary.json").at("kernels") == "fixed");

  // Choices that no measurement would make, so that they are known to be followed.
  const fs::path direct = path("direct.json");
  testing::write_text(direct, with_direct_kernels(read_file(path("tuned") / "kernels.json", 1 << 20)));
  const std::vector<std::string> with_direct = {"--kernels", direct.string()};
  REQUIRE(run("whole", with_direct).exit_code == 0);
  CHECK(weights("whole") != weights("fixed"));
  begin_and_kill("killed", with_direct);
  CHECK(testing::run_program({"resume", path("killed").string(), "--threads", "2", "--no-tune"}).exit_code ==
        0);
  CHECK(weights("killed") == weights("whole"));
  CHECK(kernels("killed") == kernels("whole"));

  // Where a recorded kernel cannot run, the run says so and goes on.
  begin_and_kill("elsewhere", with_direct);
  {
    const Variable isa("ESPALIER_ISA", "portable");
    const Outcome outcome = testing::run_program({"resume", path("elsewhere").string()});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.output.find("the bits will differ") != std::string::npos);
    CHECK(kernels("elsewhere").dump().find("portable") != std::string::npos);
  }

  // What began with fixed choices stays with them.
  begin_and_kill("stays", {"--no-tune"});
  CHECK(testing::run_program({"resume", path("stays").string()}).exit_code == 0);
  CHECK(weights("stays") == weights("fixed"));

  // Evaluation computes on the run's kernels, and inspect tells of them.
  const Outcome eval = testing::run_program({"eval", path("whole").string(), "--json"});
  REQUIRE(eval.exit_code == 0);
  CHECK(nlohmann::json::parse(eval.output).at("loss") ==
        testing::read_json(path("whole") / "summary.json").at("stages")[0].at("test_loss"));
  const Outcome inspect = testing::run_program({"inspect", path("whole").string(), "--why"});
  CHECK(inspect.exit_code == 0);
  CHECK(inspect.output.find("pays below") != std::string::npos);
  CHECK(inspect.output.find("kernels.json") != std::string::npos);
  CHECK(inspect.output.find("wino4x4") == std::string::npos);

  // Whatever the cache holds, the run goes on.
  for (const auto& entry : fs::directory_iterator(path("cache") / "espalier"))
    testing::write_text(entry.path(), "{ damaged");
  const Outcome damaged = run("damaged");
  CHECK(damaged.exit_code == 0);
  CHECK(damaged.output.find("is not used, kernels are measured again") != std::string::npos);

  testing::write_text(path("stays") / "kernels.json", "{ damaged");
  CHECK(testing::run_program({"resume", path("stays").string()}).exit_code == 3);
  CHECK(run("refused", {"--kernels", (path("stays") / "kernels.json").string()}).exit_code == 3);
}

TEST_CASE("the build has a name that other code has not, or none") {
  CHECK(build_id().find_first_not_of("0123456789abcdef") == std::string::npos);
}

TEST_CASE("ESPALIER_TUNE is on or off") {
  const Variable wrong("ESPALIER_TUNE", "yes");
  CHECK(testing::run_program({"run", "x.toml", "--no-tune"}).exit_code == 2);
}

}  // namespace espalier
