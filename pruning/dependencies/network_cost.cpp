#include "pruning/dependencies/network_cost.h"

namespace espalier::pruning {

NetworkCost::NetworkCost(const Dependencies& dependencies, const nn::ModelSummary& summary, Of of)
    : groups_(dependencies.groups()), branches_(find_branches(dependencies.graph())) {
  const Couplings& couplings = dependencies.couplings();
  if (of == Of::macs) {
    add_weights(couplings);
    add_attention(couplings);
  } else {
    add_parameters(couplings);
  }
  rest_ = (of == Of::macs ? summary.total.macs : summary.total.parameters) - count({});
}

// The counter of an axis; a new one when it was not seen before.
std::size_t NetworkCost::counter_of(const Couplings& couplings, Axis axis) {
  const auto [entry, is_new] = counters_.emplace(axis, sizes_.size());
  if (!is_new) return entry->second;
  sizes_.push_back(couplings.size(axis));
  std::map<std::size_t, std::int64_t> positions;  // a class
  for (std::int64_t i = 0; i < couplings.size(axis); ++i) ++positions[couplings.class_of(axis, i)];
  for (const auto& [class_index, count] : positions) losses_[class_index].push_back({entry->second, count});
  return entry->second;
}

// Each weight is used once for every pixel or token of what its layer computes.
void NetworkCost::add_weights(const Couplings& couplings) {
  for (const Mixer& mixer : couplings.mixers()) {
    const graph::Value &weight = couplings.value(mixer.weight), &output = couplings.value(mixer.output);
    const std::int64_t taps = weight.shape.numel() / (weight.shape[0] * weight.shape[1]);
    terms_.push_back({.each = taps * (output.shape.numel() / output.channels()),
                      .rows = counter_of(couplings, {mixer.weight, 0}),
                      .columns = counter_of(couplings, {mixer.weight, 1}),
                      .parameter = weight.parameter});
  }
}

void NetworkCost::add_parameters(const Couplings& couplings) {
  for (const Axis& axis : couplings.axes()) {
    const graph::Value& value = couplings.value(axis.value);
    if (value.parameter == nullptr || axis.dimension != 0) continue;
    const bool has_columns = value.shape.rank() > 1;
    const std::int64_t positions = value.shape[0] * (has_columns ? value.shape[1] : 1);
    terms_.push_back({.each = value.shape.numel() / positions,
                      .rows = counter_of(couplings, axis),
                      .columns = has_columns ? counter_of(couplings, {axis.value, 1}) : 0,
                      .parameter = value.parameter});
  }
}

// Scores and their sums of values: T * T each for every feature. A branch takes it along with the layer that
// computes queries, keys and values.
void NetworkCost::add_attention(const Couplings& couplings) {
  const graph::Graph& graph = couplings.graph();
  for (const graph::Operation& operation : graph.operations) {
    if (operation.op != "scaled_dot_product_attention") continue;
    const std::int64_t tokens = couplings.value(operation.output).shape[1];
    const int maker = couplings.value(operation.inputs[0]).maker;
    const nn::Parameter* qkv = nullptr;
    if (maker >= 0 && graph.operations[static_cast<std::size_t>(maker)].op == "linear")
      qkv = couplings.value(graph.operations[static_cast<std::size_t>(maker)].inputs[1]).parameter;
    terms_.push_back({.each = 2 * tokens * tokens,
                      .rows = counter_of(couplings, couplings.channels(operation.output)),
                      .parameter = qkv});
  }
}

std::int64_t NetworkCost::count(const Removed& removed) const {
  std::vector<std::int64_t> left = sizes_;
  for (const std::size_t channel : removed.channels) {
    const auto losses = losses_.find(channel);
    if (losses == losses_.end()) continue;
    for (const Loss& loss : losses->second) left[loss.counter] -= loss.positions;
  }
  std::int64_t sum = rest_;
  for (const Term& term : terms_) {
    if (removed.parameters.contains(term.parameter)) continue;
    sum += term.each * left[term.rows] * left[term.columns];
  }
  return sum;
}

Removed NetworkCost::masked() const {
  Removed removed;
  for (const ChannelGroup& group : groups_) {
    if (!group.reason.empty()) continue;
    for (std::size_t c = 0; c < group.classes.size(); ++c) {
      if (group.is_masked(c)) removed.channels.insert(group.classes[c]);
    }
  }
  for (const ResidualBranch& branch : branches_) {
    if (branch.silent()) removed.parameters.insert(branch.parameters.begin(), branch.parameters.end());
  }
  return removed;
}

}  // namespace espalier::pruning
