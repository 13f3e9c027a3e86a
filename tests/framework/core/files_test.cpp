#include "framework/core/files.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "framework/core/error.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;

std::size_t files_in(const fs::path& directory) {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(directory)) files += entry.exists() ? 1 : 0;
  return files;
}

// Writes the file again and again; the exit code of a process.
int write_often(const fs::path& path, char letter) {
  try {
    for (int i = 0; i < 30; ++i) write_file_durably(path, std::string(100'000, letter));
    return 0;
  } catch (const Error& error) { return error.exit_code(); }
}

// Directories a and b, each with a file of its name.
struct TwoDirectories {
  TemporaryDirectory root;
  fs::path a = root.path() / "a", b = root.path() / "b";

  TwoDirectories() {
    for (const fs::path& path : {a, b}) make(path, path.filename().string());
  }

  static void make(const fs::path& directory, const std::string& content) {
    make_directories(directory);
    write_file_durably(directory / "name", content);
  }
  static std::string content_of(const fs::path& directory) { return read_file(directory / "name", 100); }
};

}  // namespace

TEST_CASE("processes that write one file at the same time leave the whole of one of them") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "file";
  std::vector<pid_t> children;
  for (const char letter : {'a', 'b', 'c'}) {
    children.push_back(::fork());
    if (children.back() == 0) ::_exit(write_often(path, letter));
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  const std::string text = read_file(path, 1 << 20);
  CHECK(text == std::string(100'000, text.at(0)));
  CHECK(files_in(directory.path()) == 1);
}

TEST_CASE("a write that fails leaves nothing beside the file") {
  const TemporaryDirectory directory;
  const fs::path taken = directory.path() / "taken";  // a directory: no file takes its name
  fs::create_directories(taken / "inner");
  CHECK_THROWS_AS(write_file_durably(taken, "text"), Error);
  CHECK(files_in(directory.path()) == 1);
}

TEST_CASE_FIXTURE(TwoDirectories, "two directories get each other's name") {
  exchange_durably(a, b);
  CHECK(content_of(a) == "b");
  CHECK(content_of(b) == "a");
}

TEST_CASE_FIXTURE(TwoDirectories, "an exchange by renames goes on where a crash has left one") {
  make(root.path() / "b.old", "older");
  exchange_by_renames(a, b);
  CHECK(content_of(a) == "b");
  CHECK(content_of(b) == "a");
  CHECK_FALSE(fs::exists(root.path() / "b.old"));
}

TEST_CASE_FIXTURE(TwoDirectories, "an exchange by renames that fails leaves what was there") {
  fs::remove_all(a);
  CHECK_THROWS_AS(exchange_by_renames(a, b), Error);
  CHECK(content_of(b) == "b");
}

}  // namespace espalier
