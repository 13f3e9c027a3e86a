#include "framework/tune/cache.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "framework/core/files.h"
#include "framework/core/random.h"
#include "tests/support/temporary_directory.h"

using namespace espalier;
using testing::TemporaryDirectory;
using tune::Cache;
using tune::Choices;

namespace {

namespace fs = std::filesystem;

const tune::Machine kMachine = {"Some CPU", "avx2", 2, "1.0, g++"};

Choices sample(const std::string& name = "a") {
  Choices choices;
  choices.dense[name] = {"kernel " + name, {{"kernel " + name, 0.5}}};
  choices.break_even[name] = {0.125, 0.25, "kernel"};
  return choices;
}

// A cache that counts what it complains of.
struct Fixture {
  TemporaryDirectory directory;
  std::vector<std::string> warnings;

  Cache cache(const tune::Machine& machine = kMachine) {
    return Cache(directory.path() / "deep" / "espalier", machine,
                 [this](const std::string& text) { warnings.push_back(text); });
  }
};

std::string text_of(const Choices& choices) { return tune::to_json(choices).dump(); }

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a cache gives back what was added, and what is there stays") {
  CHECK(cache().load().size() == 0);  // no file, no directory
  cache().add(sample("a"));
  cache().add(sample("b"));
  Choices other = sample("a");
  other.dense["a"].kernel = "later";
  cache().add(other);
  Choices both = sample("a");
  both.add(sample("b"));
  CHECK(text_of(cache().load()) == text_of(both));
  CHECK(warnings.empty());
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(cache().path().parent_path()))
    files += entry.exists() ? 1 : 0;
  CHECK(files == 1);  // nothing was left aside
}

TEST_CASE_FIXTURE(Fixture, "CPUs, ISAs, threads and builds do not share") {
  cache().add(sample());
  for (const tune::Machine& other :
       std::initializer_list<tune::Machine>{{"Other", "avx2", 2, "1.0, g++"},
                                            {"Some CPU", "avx512", 2, "1.0, g++"},
                                            {"Some CPU", "avx2", 1, "1.0, g++"},
                                            {"Some CPU", "avx2", 2, "1.1, g++"}}) {
    CHECK(cache(other).path() != cache().path());
    CHECK(cache(other).load().size() == 0);
  }
  CHECK(cache().load().size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "whatever a cache file holds, it is told of once, done without, and replaced") {
  cache().add(sample());
  const std::string good = read_file(cache().path(), 1 << 20);
  std::vector<std::string> bad = {"",
                                  "{",
                                  "null",
                                  "[]",
                                  R"({"format":2})",
                                  std::string(100, '\0'),
                                  "\xff\xfe",
                                  std::string(100000, '['),
                                  good.substr(0, good.size() / 2)};
  std::string other = good;
  bad.push_back(other.replace(other.find("Some CPU"), 8, "Any  CPU"));
  for (const std::string& text : bad) {
    CAPTURE(text.substr(0, 60));
    testing::write_text(cache().path(), text);
    warnings.clear();
    CHECK(cache().load().size() == 0);
    CHECK(warnings.size() == 1);
    cache().add(sample());
    CHECK(warnings.size() == 1);
    CHECK(text_of(cache().load()) == text_of(sample()));
  }
  // Any byte may be wrong: it is read or refused.
  Random random(1, "flipped bytes");
  for (int trial = 0; trial < 300; ++trial) {
    std::string flipped = good;
    flipped[random.below(static_cast<std::uint32_t>(good.size()))] = static_cast<char>(random.below(256));
    testing::write_text(cache().path(), flipped);
    CHECK_NOTHROW(cache().load());
  }
}

TEST_CASE_FIXTURE(Fixture, "processes that write at the same time leave a whole file") {
  constexpr int kProcesses = 4, kTimes = 10;
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    Choices mine;
    for (int i = 0; i < kTimes; ++i) {
      mine.add(sample(std::to_string(100 * process + i)));
      cache().add(mine);
    }
    ::_exit(warnings.empty() ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  const Choices left = cache().load();
  CHECK(warnings.empty());
  CHECK(left.dense.size() >= kTimes);  // another's entry may be lost; all of the last one's are there
  for (const auto& [name, choice] : left.dense) CHECK(choice.kernel == "kernel " + name);
}

TEST_CASE_FIXTURE(Fixture, "a pipe or a directory in the place of the cache is not waited for") {
  fs::create_directories(cache().path());
  CHECK(cache().load().size() == 0);
  CHECK(warnings.size() == 1);
  cache().add(sample());  // cannot be replaced by a file
  CHECK(warnings.size() == 2);
  fs::remove_all(cache().path());
  REQUIRE(::mkfifo(cache().path().c_str(), 0600) == 0);
  CHECK(cache().load().size() == 0);
  CHECK(warnings.size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "where nothing can be written a warning is all that happens") {
  testing::write_text(directory.path() / "deep", "a file where a directory should be");
  cache().add(sample());
  CHECK(warnings.size() == 1);
  CHECK(cache().load().size() == 0);
  const Cache nowhere("", kMachine, [&](const std::string& text) { warnings.push_back(text); });
  nowhere.add(sample());
  CHECK(nowhere.load().size() == 0);
  CHECK(warnings.size() == 1);
}

TEST_CASE("the cache lies where the XDG specification says") {
  const auto with = [](const char* xdg, const char* home) {
    const char* const before[] = {::getenv("XDG_CACHE_HOME"), ::getenv("HOME")};
    const std::string old_xdg = before[0] == nullptr ? "" : before[0];
    const std::string old_home = before[1] == nullptr ? "" : before[1];
    ::setenv("XDG_CACHE_HOME", xdg, 1);
    ::setenv("HOME", home, 1);
    const std::string path = tune::cache_directory().string();
    before[0] == nullptr ? ::unsetenv("XDG_CACHE_HOME") : ::setenv("XDG_CACHE_HOME", old_xdg.c_str(), 1);
    before[1] == nullptr ? ::unsetenv("HOME") : ::setenv("HOME", old_home.c_str(), 1);
    return path;
  };
  CHECK(with("/x", "/h") == "/x/espalier");
  CHECK(with("", "/h") == "/h/.cache/espalier");
  CHECK(with("relative", "/h") == "/h/.cache/espalier");
  CHECK(with("", "") == "");
}
