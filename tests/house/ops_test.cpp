// framework/ops/ops.inc lists every operation, and an operation whose gradient nobody checks is not done.
#include <doctest/doctest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "tests/house/source_tree.h"

using namespace espalier::house;

namespace {

std::set<std::string> all_matches(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match) {
    found.insert((*match)[1]);
  }
  return found;
}

std::set<std::string> listed_ops() {
  const std::vector<SourceFile> files = source_files("framework/ops", {"ops.inc"});
  REQUIRE(files.size() == 1);
  return all_matches(files[0].text, "\nESPALIER_OP\\((\\w+)\\)");
}

}  // namespace

TEST_CASE("every operation in ops.inc has a gradient check that calls it") {
  std::set<std::string> checked;
  for (const SourceFile& file : source_files("tests/framework/ops", {"_test.cpp"})) {
    if (file.text.find("check_gradients(") == std::string::npos) continue;
    checked.merge(all_matches(file.text, "ops::(\\w+)\\("));
  }
  for (const std::string& op : listed_ops()) {
    CHECK_MESSAGE(checked.count(op) == 1, "no gradient check in tests/framework/ops calls ops::" << op);
  }
}

TEST_CASE("every operation that records itself on the tape is listed in ops.inc") {
  const std::set<std::string> listed = listed_ops();
  for (const SourceFile& file : source_files("framework/ops", {".cpp"})) {
    for (const std::string& op : all_matches(file.text, "\\brecord\\(\\s*\"(\\w+)\"")) {
      CHECK_MESSAGE(listed.count(op) == 1, file.path << " records \"" << op << "\"");
    }
  }
}
