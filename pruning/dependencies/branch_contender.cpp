#include "pruning/dependencies/branch_contender.h"

#include <algorithm>

#include "pruning/dependencies/network_cost.h"

namespace espalier::pruning {
namespace {

bool is_weight(const nn::Parameter* parameter) { return parameter->kind == nn::ParameterKind::weight; }

bool contains(const std::vector<nn::Parameter*>& parameters, const nn::Parameter* parameter) {
  return std::find(parameters.begin(), parameters.end(), parameter) != parameters.end();
}

bool concerns(const ResidualBranch& branch, const std::vector<nn::Parameter*>& targets) {
  return std::any_of(targets.begin(), targets.end(), [&](const nn::Parameter* target) {
    return contains(branch.parameters, target) || target->name.starts_with(branch.name + ".");
  });
}

// Empty: all of them can go.
std::string reason_to_stay(const std::vector<ResidualBranch>& branches,
                           const std::vector<nn::Parameter*>& targets) {
  for (const ResidualBranch& branch : branches) {
    if (!branch.reason.empty()) return branch.reason;
    for (const nn::Parameter* p : branch.parameters) {
      if (is_weight(p) && !contains(targets, p))
        return p->name + " goes with it, and is not among those to prune";
    }
  }
  return {};
}

}  // namespace

std::int64_t BranchContender::weights() const {
  std::int64_t sum = 0;
  for (const ResidualBranch& branch : branches_) {
    for (const nn::Parameter* p : branch.parameters) sum += is_weight(p) ? p->value.numel() : 0;
  }
  return sum;
}

std::int64_t BranchContender::kept_weights() const { return is_alive() ? weights() : 0; }

Tensor BranchContender::scores(Criterion& criterion) {
  if (criterion.scores_structures()) {
    MaskVariable variable;  // one for all branches
    for (const ResidualBranch& branch : branches_) {
      const MaskVariable own = branch.mask_variable();
      variable.insert(variable.end(), own.begin(), own.end());
    }
    return criterion.structure_scores({variable});
  }
  double sum = 0.0;
  for (const ResidualBranch& branch : branches_) {
    for (const nn::Parameter* p : branch.parameters) {
      if (!is_weight(p)) continue;
      const float mean = whole_.unit_scores(finite_scores(criterion, *p), p->mask).data()[0];
      sum += static_cast<double>(p->value.numel()) * double{mean};
    }
  }
  return Tensor::full({1}, static_cast<float>(sum / static_cast<double>(weights())));
}

bool BranchContender::is_alive() const {
  return !std::all_of(branches_.begin(), branches_.end(), [](const ResidualBranch& b) { return b.silent(); });
}

std::vector<nn::Parameter*> BranchContender::parameters() const {
  std::vector<nn::Parameter*> all;
  for (const ResidualBranch& branch : branches_)
    all.insert(all.end(), branch.parameters.begin(), branch.parameters.end());
  return all;
}

void BranchContender::alive(std::span<std::uint8_t> alive) const { alive[0] = is_alive() ? 1 : 0; }

void BranchContender::keep(std::span<const std::uint8_t> keep) {
  if (keep[0] != 0) return;
  for (const ResidualBranch& branch : branches_) {
    for (nn::Parameter* p : branch.parameters)
      p->mask = Mask::from(Tensor::zeros(p->value.shape(), Layout::plain, DType::u8));
  }
}

void BranchContender::remove(std::int64_t, Removed& removed) const {
  for (const ResidualBranch& branch : branches_)
    removed.parameters.insert(branch.parameters.begin(), branch.parameters.end());
}

std::vector<std::unique_ptr<Contender>> branch_contenders(const graph::Graph& graph,
                                                          const std::vector<nn::Parameter*>& targets,
                                                          const Granularity& whole,
                                                          std::vector<Staying>& staying) {
  const bool blocks = whole.structure() == Structure::layer;
  std::vector<std::pair<std::string, std::vector<ResidualBranch>>> units;
  for (ResidualBranch& branch : find_branches(graph)) {
    const std::string& name = blocks ? branch.block : branch.name;
    if (units.empty() || units.back().first != name) units.emplace_back(name, std::vector<ResidualBranch>());
    units.back().second.push_back(std::move(branch));
  }
  std::vector<std::unique_ptr<Contender>> contenders;
  for (auto& [name, branches] : units) {
    const auto concerned = [&](const ResidualBranch& branch) { return concerns(branch, targets); };
    if (std::none_of(branches.begin(), branches.end(), concerned)) continue;
    const std::string reason = reason_to_stay(branches, targets);
    if (reason.empty()) {
      contenders.push_back(std::make_unique<BranchContender>(name, std::move(branches), whole));
    } else {
      staying.push_back({name, 1, *whole.structure(), reason});
    }
  }
  return contenders;
}

}  // namespace espalier::pruning
