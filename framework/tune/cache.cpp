#include "framework/tune/cache.h"

#include <fmt/format.h>

#include <cstdlib>

#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/core/sha256.h"

namespace espalier::tune {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;  // another one is measured anew
constexpr std::size_t kMaxBytes = 16 << 20;

nlohmann::json to_json(const Machine& machine) {
  return {{"cpu", machine.cpu}, {"isa", machine.isa}, {"threads", machine.threads}, {"build", machine.build}};
}

}  // namespace

fs::path cache_directory() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  const fs::path cache = variable("XDG_CACHE_HOME"), home = variable("HOME");
  if (cache.is_absolute()) return cache / "espalier";  // the specification ignores others
  return home.is_absolute() ? home / ".cache" / "espalier" : fs::path();
}

Cache::Cache(const fs::path& directory, Machine machine, std::function<void(const std::string&)> warn)
    : machine_(std::move(machine)), warn_(std::move(warn)) {
  if (directory.empty()) return;
  path_ = directory / fmt::format("kernels-{}.json", sha256_hex(to_json(machine_).dump()).substr(0, 16));
}

Choices Cache::load() const {
  std::error_code ignored;
  if (path_.empty() || !fs::exists(path_, ignored)) return {};
  try {
    // Opening a pipe would wait for its other end.
    if (!fs::is_regular_file(path_, ignored)) fail(ErrorKind::integrity, "kernels", "it is no file");
    const nlohmann::json json = nlohmann::json::parse(read_file(path_, kMaxBytes));
    if (json.at("format") != kFormat || json.at("machine") != to_json(machine_))
      fail(ErrorKind::integrity, "kernels", "it is another machine's or another format");
    return choices_from_json(json);
  } catch (const std::exception& error) {
    warn_(fmt::format("{} is not used, kernels are measured again: {}", path_.string(), error.what()));
    return {};
  }
}

void Cache::add(const Choices& measured) const {
  if (path_.empty() || measured.size() == 0) return;
  try {
    Choices all = Cache(path_.parent_path(), machine_, [](const std::string&) {}).load();
    all.add(measured);
    nlohmann::ordered_json json = {{"format", kFormat}, {"machine", to_json(machine_)}};
    json.update(tune::to_json(all));
    make_directories(path_.parent_path());
    write_file_durably(path_, json.dump(2) + "\n");
  } catch (const std::exception& error) {
    warn_(fmt::format("what was measured is not kept for the next run: {}", error.what()));
  }
}

}  // namespace espalier::tune
