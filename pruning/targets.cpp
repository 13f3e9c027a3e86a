#include "pruning/targets.h"

#include <fnmatch.h>

#include <algorithm>

#include "framework/core/error.h"
#include "framework/core/suggest.h"

namespace espalier::pruning {
namespace {

bool matches(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return name_matches(name, pattern); });
}

}  // namespace

bool name_matches(const std::string& name, const std::string& pattern) {
  return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

void refuse_idle_patterns(const std::vector<std::string>& patterns, const std::vector<std::string>& names,
                          std::string_view where, std::string_view what) {
  for (const std::string& pattern : patterns) {
    const bool used = std::any_of(names.begin(), names.end(),
                                  [&](const std::string& name) { return name_matches(name, pattern); });
    if (used) continue;
    fail(ErrorKind::usage, where, "the pattern '{}' matches no {} of the model{}", pattern, what,
         did_you_mean(pattern, names));
  }
}

std::vector<nn::Parameter*> select_targets(std::span<nn::Parameter* const> parameters,
                                           const std::vector<std::string>& include,
                                           const std::vector<std::string>& exclude) {
  std::vector<nn::Parameter*> weights;
  std::vector<std::string> names;
  for (nn::Parameter* parameter : parameters) {
    if (parameter->kind != nn::ParameterKind::weight) continue;
    weights.push_back(parameter);
    names.push_back(parameter->name);
  }
  for (const std::vector<std::string>* patterns : {&include, &exclude})
    refuse_idle_patterns(*patterns, names, "prune");
  std::erase_if(weights, [&](const nn::Parameter* p) {
    return !matches(p->name, include) || matches(p->name, exclude);
  });
  if (weights.empty()) fail(ErrorKind::usage, "prune", "include and exclude leave no weight to prune");
  return weights;
}

}  // namespace espalier::pruning
