#include "experiments/stages/execution_log.h"

#include <fmt/ranges.h>

#include <vector>

#include "framework/nn/execution.h"

namespace espalier {

void ExecutionLog::report(nn::Module& model, const std::string& label, Reporter& reporter) {
  constexpr const char* kPasses[] = {"forward", "backward data", "backward weights"};
  for (const nn::LayerReport& layer : nn::execution_report(model)) {
    std::array<bool, 3>& before = sparse_[layer.layer];
    std::vector<std::string> changes;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const nn::PassReport& pass = layer.passes[i];
      const bool sparse = pass.kernel.starts_with("sparse");
      if (sparse == before[i]) continue;
      before[i] = sparse;
      changes.push_back(fmt::format("{} {}: {}", kPasses[i], sparse ? pass.kernel : "dense", pass.why));
    }
    if (!changes.empty())
      reporter.line(fmt::format("{}: {}: {}", label, layer.layer, fmt::join(changes, "; ")));
  }
}

}  // namespace espalier
