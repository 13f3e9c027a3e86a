#include "framework/core/files.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>

#include "framework/core/error.h"

using namespace espalier;
namespace fs = std::filesystem;

namespace {

// Directories a and b, each with a file of its name.
struct Fixture {
  fs::path root = fs::temp_directory_path() / ("espalier_files_" + std::to_string(::getpid()));
  fs::path a = root / "a", b = root / "b";

  Fixture() {
    fs::remove_all(root);
    for (const fs::path& path : {a, b}) make(path, path.filename().string());
  }
  ~Fixture() { fs::remove_all(root); }

  static void make(const fs::path& directory, const std::string& content) {
    make_directories(directory);
    write_file_durably(directory / "name", content);
  }
  static std::string content_of(const fs::path& directory) { return read_file(directory / "name", 100); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "two directories get each other's name") {
  exchange_durably(a, b);
  CHECK(content_of(a) == "b");
  CHECK(content_of(b) == "a");
}

TEST_CASE_FIXTURE(Fixture, "an exchange by renames goes on where a crash has left one") {
  make(root / "b.old", "older");
  exchange_by_renames(a, b);
  CHECK(content_of(a) == "b");
  CHECK(content_of(b) == "a");
  CHECK_FALSE(fs::exists(root / "b.old"));
}

TEST_CASE_FIXTURE(Fixture, "an exchange by renames that fails leaves what was there") {
  fs::remove_all(a);
  CHECK_THROWS_AS(exchange_by_renames(a, b), Error);
  CHECK(content_of(b) == "b");
}
