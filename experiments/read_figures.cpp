#include "experiments/read_figures.h"

#include <cstdint>
#include <string>

#include "framework/core/error.h"
#include "framework/core/files.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxBytes = 4 << 20;

// Throws Json's own errors, which name the key and what is wrong with it.
template <class T>
void expect(const Json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) object.at(key).get<T>();
}

// What a stage, a round of one and a control of that have alike.
void check_training(const Json& result) {
  expect<std::string>(result, {"label"});
  expect<std::int64_t>(result, {"epochs", "steps", "parameters", "nonzero_parameters"});
  expect<double>(result, {"wall_seconds"});
  if (result.contains("metrics_bytes")) expect<std::int64_t>(result, {"metrics_bytes"});
}

void check_result(const Json& result) {
  check_training(result);
  if (result.contains("shrink")) expect<std::int64_t>(result.at("shrink"), {"parameters_before"});
  for (const char* parts : {"rounds", "controls"}) {
    if (!result.contains(parts)) continue;
    for (const Json& part : result.at(parts)) check_training(part);
  }
  for (const Json& control : result.value("controls", Json::array())) {
    expect<std::int64_t>(control, {"round"});
    expect<std::string>(control, {"control"});
  }
}

void check_summary(const Json& summary) {
  expect<std::string>(summary, {"config_hash", "isa", "weights_sha256"});
  expect<std::int64_t>(summary, {"epochs"});
  expect<double>(summary, {"parameters", "nonzero_parameters", "macs", "effective_macs", "wall_seconds"});
  const Json& accuracy = summary.at("test_accuracy");
  if (!accuracy.is_null()) accuracy.get<double>();
  for (const Json& stage : summary.value("stages", Json::array())) check_result(stage);
}

template <class Check>
Json read_checked(const fs::path& path, const char* what, const char* advice, const Check& check) {
  try {
    Json json = Json::parse(read_file(path, kMaxBytes));
    check(json);
    return json;
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::integrity, "run", "{} is no {}: {}; {}", path.string(), what, error.what(), advice);
  }
}

}  // namespace

Json read_result(const fs::path& path) {
  return read_checked(path, "result of a stage", "remove it to redo the stage", check_result);
}

Json read_summary(const fs::path& path) {
  return read_checked(path, "summary of a run", "remove it to run again what it was of", check_summary);
}

}  // namespace espalier
