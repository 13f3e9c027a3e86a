// What a reader may rely on in every file.
#include <doctest/doctest.h>

#include <filesystem>
#include <regex>

#include "tests/house/source_tree.h"

using namespace espalier::house;

TEST_CASE("every first-level folder has a README.md") {
  for (const std::string& folder : first_level_folders()) {
    INFO(folder);
    CHECK(std::filesystem::exists(std::filesystem::path(ESPALIER_SOURCE_DIR) / folder / "README.md"));
  }
}

TEST_CASE("no file defers work to a note in its text") {
  const std::regex notes(
      "\\b(TO[D]O|FIX[M]E|XX[X])\\b");  // bracketed, so that this file does not find itself
  for (const SourceFile& file :
       source_files("", {".h", ".cpp", ".inc", ".cmake", ".py", ".md", ".toml", ".txt", "Makefile"})) {
    INFO(file.path);
    CHECK_FALSE(std::regex_search(file.text, notes));
  }
}
