// The files of the project, as the tests that hold its rules read them.
#pragma once

#include <string>
#include <vector>

namespace espalier::house {

struct SourceFile {
  std::string path;  // relative to the root: "framework/ops/relu.cpp"
  std::string text;

  // "framework/ops"
  std::string folder() const;
};

// Files below a first-level folder ("" for all of them and the root's own) whose names end in one of `endings`; sorted by path.
std::vector<SourceFile> source_files(const std::string& below, const std::vector<std::string>& endings);

// The project's first-level folders: others are their user's.
std::vector<std::string> first_level_folders();

}  // namespace espalier::house
