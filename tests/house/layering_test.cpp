// Who may include whom. A folder may include itself, what is below it, and what its row says; the longest row
// that a path begins with counts.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>

#include "tests/house/source_tree.h"

using namespace espalier::house;

namespace {

using Folders = std::vector<std::string>;

const std::map<std::string, Folders> kMayInclude = {
    {"kernels/base", {}},
    // A family stands on the base alone; conv2d and attention are made of gemm's register blocks.
    {"kernels", {"kernels/base"}},
    // Two families may be computed on matrix tiles.
    {"kernels/gemm", {"kernels/base", "kernels/tiles"}},
    {"kernels/conv2d", {"kernels/base", "kernels/gemm", "kernels/tiles"}},
    // The same convolutions: it shares their shape.
    {"kernels/spconv2d", {"kernels/base", "kernels/conv2d"}},
    // A linear layer as a convolution over a row of tokens.
    {"kernels/splinear", {"kernels/base", "kernels/conv2d", "kernels/gemm", "kernels/spconv2d"}},
    {"kernels/attention", {"kernels/base", "kernels/gemm"}},
    // The choice between backends, and the other backend, see the contracts of every family.
    {"kernels/backend", {"kernels"}},
    {"kernels/onednn", {"kernels"}},

    {"framework/core", {"kernels/base"}},
    {"framework/tensor", {"kernels", "framework/core"}},
    {"framework/autograd", {"kernels", "framework/core", "framework/tensor"}},
    {"framework/tune", {"kernels", "framework/core", "framework/tensor"}},
    {"framework/ops",
     {"kernels", "framework/core", "framework/tensor", "framework/autograd", "framework/tune"}},
    {"framework/nn",
     {"kernels", "framework/core", "framework/tensor", "framework/autograd", "framework/tune",
      "framework/ops"}},
    {"framework/optim",
     {"kernels", "framework/core", "framework/tensor", "framework/autograd", "framework/ops",
      "framework/nn"}},
    {"framework/graph",
     {"kernels", "framework/core", "framework/tensor", "framework/autograd", "framework/tune",
      "framework/ops", "framework/nn"}},
    // What runs a compiled network stands without tensors and the tape.
    {"framework/infer/runtime", {"kernels", "framework/core", "framework/tune/contest.h"}},
    {"framework/infer",
     {"kernels", "framework/core", "framework/tensor", "framework/nn", "framework/graph",
      "framework/infer/runtime"}},
    {"framework/train", {"kernels", "framework"}},

    {"models", {"framework"}},
    {"datasets", {"framework", "kernels/base"}},
    {"pruning", {"framework"}},
    {"experiments", {"kernels", "framework", "models", "datasets", "pruning"}},
};

bool below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

// The longest row that the path, its ending left out, begins with; "" when there is none.
std::string row_of(const std::string& path) {
  const std::string stem = path.substr(0, path.rfind('.'));
  std::string longest;
  for (const auto& [row, allowed] : kMayInclude) {
    if (below(stem, row) && row.size() > longest.size()) longest = row;
  }
  return longest;
}

bool may_include(const SourceFile& file, const std::string& included) {
  const std::string row = row_of(file.path);
  const Folders& allowed = kMayInclude.at(row);
  // "kernels" is the row of many families, which do not see each other.
  if (below(included, row == "kernels" ? file.folder() : row)) return true;
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& folder) { return below(included, folder); });
}

Folders includes_of(const SourceFile& file) {
  static const std::regex pattern("(?:^|\n)[ \t]*#[ \t]*include[ \t]+\"([^\"]+)\"");
  Folders found;
  for (std::sregex_iterator match(file.text.begin(), file.text.end(), pattern), end; match != end; ++match) {
    found.push_back((*match)[1]);
  }
  return found;
}

const std::vector<std::string> kSources = {".h", ".cpp", ".inc"};

}  // namespace

TEST_CASE("no file includes upward") {
  for (const SourceFile& file : source_files("", kSources)) {
    if (below(file.path, "tests")) continue;  // may include everything
    INFO(file.path);
    REQUIRE_MESSAGE(!row_of(file.path).empty(), "no row of kMayInclude covers this file");
    for (const std::string& included : includes_of(file)) {
      CHECK_MESSAGE(may_include(file, included), "includes \"" << included << "\"");
    }
  }
}

TEST_CASE("nothing includes the program or the tests") {
  for (const SourceFile& file : source_files("", kSources)) {
    INFO(file.path);
    for (const std::string& included : includes_of(file)) {
      if (!below(file.path, "tests")) CHECK_FALSE(below(included, "tests"));
      if (!below(file.path, "tests") && !below(file.path, "experiments"))
        CHECK_FALSE(below(included, "experiments"));
    }
  }
}

TEST_CASE("files include each other by their path from the root") {
  for (const SourceFile& file : source_files("", kSources)) {
    INFO(file.path);
    for (const std::string& included : includes_of(file)) {
      CHECK_MESSAGE(std::filesystem::exists(std::filesystem::path(ESPALIER_SOURCE_DIR) / included),
                    "no such file: \"" << included << "\"");
    }
  }
}

TEST_CASE("headers are guarded by #pragma once") {
  for (const SourceFile& file : source_files("", {".h"})) {
    INFO(file.path);
    CHECK(file.text.find("#pragma once\n") != std::string::npos);
  }
}
