#include "pruning/dependencies/channel_contender.h"

#include <algorithm>

#include "pruning/dependencies/network_cost.h"
#include "pruning/dependencies/slices.h"

namespace espalier::pruning {

ChannelContender::ChannelContender(ChannelGroup group, const Granularity& filter)
    : group_(std::move(group)), filter_(filter) {
  for (const Member& member : group_.members) {
    if (!member.filters()) continue;
    const Tensor& weight = member.tensor();
    filter_weights_ +=
        weight.numel() / weight.dim(0) * static_cast<std::int64_t>(member.positions.front().size());
  }
}

LayerInfo ChannelContender::info() const {
  const auto filters = std::find_if(group_.members.begin(), group_.members.end(),
                                    [](const Member& member) { return member.filters(); });
  return {group_.name, filters->tensor().shape().with(0, group_.channels)};
}

std::int64_t ChannelContender::kept_weights() const {
  std::vector<std::uint8_t> living(static_cast<std::size_t>(group_.channels));
  alive(living);
  return std::count(living.begin(), living.end(), std::uint8_t{1}) * filter_weights_;
}

// Of each channel, what reads it.
std::vector<MaskVariable> ChannelContender::mask_variables() const {
  std::vector<MaskVariable> variables(static_cast<std::size_t>(group_.channels));
  for (const Member& member : group_.members) {
    if (member.parameter == nullptr || member.dimension != 1) continue;
    for (std::size_t c = 0; c < variables.size(); ++c)
      variables[c].push_back({member.parameter, member.positions[c]});
  }
  return variables;
}

Tensor ChannelContender::scores(Criterion& criterion) {
  if (criterion.scores_structures()) return criterion.structure_scores(mask_variables());
  std::vector<double> sums(static_cast<std::size_t>(group_.channels), 0.0), filters = sums;
  for (const Member& member : group_.members) {
    if (!member.filters()) continue;
    const Tensor scores =
        filter_.unit_scores(finite_scores(criterion, *member.parameter), member.parameter->mask);
    for (std::size_t c = 0; c < sums.size(); ++c) {
      for (const std::int64_t position : member.positions[c]) sums[c] += double{scores.data()[position]};
      filters[c] += static_cast<double>(member.positions[c].size());
    }
  }
  Tensor means = Tensor::empty({group_.channels});
  for (std::size_t c = 0; c < sums.size(); ++c) means.data()[c] = static_cast<float>(sums[c] / filters[c]);
  return means;
}

std::vector<nn::Parameter*> ChannelContender::parameters() const {
  std::vector<nn::Parameter*> parameters;
  for (const Member& member : group_.members) {
    if (member.parameter != nullptr) parameters.push_back(member.parameter);
  }
  return parameters;
}

void ChannelContender::alive(std::span<std::uint8_t> alive) const {
  for (std::size_t c = 0; c < alive.size(); ++c) alive[c] = group_.is_masked(c) ? 0 : 1;
}

void ChannelContender::keep(std::span<const std::uint8_t> keep) {
  for (const Member& member : group_.members) {
    if (member.parameter == nullptr) continue;
    const Shape& shape = member.tensor().shape();
    Mask& mask = member.parameter->mask;
    if (mask.dense()) mask = Mask::ones(shape);
    std::uint8_t* bytes = mask.data();
    for (std::size_t c = 0; c < keep.size(); ++c) {
      if (keep[c] != 0) continue;
      for (const std::int64_t position : member.positions[c])
        for_each_in_slice(shape, member.dimension, position, [&](std::int64_t i) { bytes[i] = 0; });
    }
  }
}

void ChannelContender::remove(std::int64_t unit, Removed& removed) const {
  removed.channels.insert(group_.classes[static_cast<std::size_t>(unit)]);
}

std::vector<std::unique_ptr<Contender>> channel_contenders(const Dependencies& dependencies,
                                                           const std::vector<nn::Parameter*>& targets,
                                                           const Granularity& filter,
                                                           std::vector<Staying>& staying) {
  const auto is_target = [&](const Member& member) {
    return std::find(targets.begin(), targets.end(), member.parameter) != targets.end();
  };
  std::vector<std::unique_ptr<Contender>> contenders;
  for (const ChannelGroup& group : dependencies.groups()) {
    if (filter.structure().value_or(group.structure) != group.structure) continue;
    const Member* included = nullptr;
    const Member* left_out = nullptr;
    for (const Member& member : group.members) {
      if (member.filters()) (is_target(member) ? included : left_out) = &member;
    }
    if (included == nullptr) continue;
    if (!group.reason.empty()) {
      staying.push_back({included->name(), group.channels, group.structure, group.reason});
    } else if (left_out != nullptr) {
      staying.push_back({included->name(), group.channels, group.structure,
                         left_out->name() + " goes with it, and is not among those to prune"});
    } else {
      contenders.push_back(std::make_unique<ChannelContender>(group, filter));
    }
  }
  return contenders;
}

}  // namespace espalier::pruning
