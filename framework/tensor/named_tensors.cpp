#include "framework/tensor/named_tensors.h"

#include <map>

#include "framework/core/error.h"

namespace espalier {
namespace {

std::string describe(const Tensor& tensor) {
  return fmt::format("{} {}", dtype_name(tensor.dtype()), tensor.shape().str());
}

}  // namespace

void copy_named(const NamedTensors& source, NamedTensors target, std::string_view where) {
  std::string problems;
  std::map<std::string_view, const Tensor*> given;
  for (const auto& [name, tensor] : source) {
    if (!given.emplace(name, &tensor).second) problems += fmt::format("\n  repeated: {}", name);
  }
  std::vector<const Tensor*> sources;
  for (const auto& [name, tensor] : target) {
    const auto found = given.find(name);
    if (found == given.end()) {
      problems += fmt::format("\n  missing: {} {}", name, describe(tensor));
      continue;
    }
    const Tensor& other = *found->second;
    if (other.shape() != tensor.shape() || other.dtype() != tensor.dtype() ||
        other.layout() != tensor.layout()) {
      problems += fmt::format("\n  {}: expected {}, got {}", name, describe(tensor), describe(other));
    }
    sources.push_back(&other);
    given.erase(found);
  }
  for (const auto& [name, tensor] : given) {
    problems += fmt::format("\n  unexpected: {} {}", name, describe(*tensor));
  }
  if (!problems.empty()) fail(ErrorKind::integrity, where, "the state does not fit:{}", problems);
  for (std::size_t i = 0; i < target.size(); ++i) target[i].second.copy_(*sources[i]);
}

}  // namespace espalier
