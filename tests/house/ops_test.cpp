// Every operation of ops.inc has its header, a gradient check and, but for random ones, a golden case.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ESPALIER_SOURCE_DIR;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.good(), path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

const std::vector<std::string> kOps = {
#define ESPALIER_OP(name) #name,
#include "framework/ops/ops.inc"
#undef ESPALIER_OP
};

// PyTorch draws other numbers.
const std::set<std::string> kRandomOps = {"dropout", "stochastic_depth"};

}  // namespace

TEST_CASE("every operation has a gradient check") {
  std::string tests;
  for (const fs::directory_entry& entry : fs::directory_iterator(kRoot / "tests/framework/ops")) {
    tests += text_of(entry.path());
  }
  for (const std::string& op : kOps) {
    CAPTURE(op);
    CHECK(tests.find("TEST_CASE(\"" + op + ": gradient\")") != std::string::npos);
  }
}

TEST_CASE("every operation that is not random has a golden case") {
  const nlohmann::json cases = nlohmann::json::parse(text_of(kRoot / "tests/goldens/ops.json"));
  for (const std::string& op : kOps) {
    CAPTURE(op);
    bool found = kRandomOps.count(op) > 0;
    for (const auto& item : cases.items())
      found = found || item.key() == op || item.key().rfind(op + ":", 0) == 0;
    CHECK(found);
  }
}

TEST_CASE("every file of an operation has its row in ops.inc") {
  std::set<std::string> listed;
  for (const std::string& op : kOps) {
    CAPTURE(op);
    // soft_cross_entropy lives beside cross_entropy.
    const std::string file = op == "soft_cross_entropy" ? "cross_entropy" : op;
    CHECK(text_of(kRoot / "framework/ops" / (file + ".h")).find("Tensor " + op + "(") != std::string::npos);
    listed.insert(file);
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(kRoot / "framework/ops")) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string name = entry.path().stem().string(), text = text_of(entry.path());
    if (name == "weighted_layer") continue;  // the body of others, which return it
    if (text.find("return record(") == std::string::npos &&
        text.find("return weighted_layer(") == std::string::npos)
      continue;
    CAPTURE(name);
    CHECK(listed.count(name) == 1);
  }
}
