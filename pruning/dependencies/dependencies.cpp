#include "pruning/dependencies/dependencies.h"

#include <algorithm>
#include <map>

#include "pruning/dependencies/rules.h"
#include "pruning/dependencies/slices.h"

namespace espalier::pruning {
namespace {

void apply_rules(const graph::Graph& graph, Couplings& couplings) {
  for (std::size_t i = 0; i < graph.operations.size(); ++i) {
    const graph::Operation& operation = graph.operations[i];
    const Rule rule = find_rule(operation.op);
    if (!couplings.value(operation.output).activation) {
      pin_operation(operation, couplings, operation.where() + " computes no activation");
    } else if (rule == nullptr) {
      pin_operation(operation, couplings, operation.where() + " has no rule");
    } else {
      rule(operation, static_cast<int>(i), couplings);
    }
  }
}

// What the model does not decide by itself.
void pin_ends(const graph::Graph& graph, Couplings& couplings) {
  for (const Axis& axis : couplings.axes()) {
    const graph::Value& value = couplings.value(axis.value);
    if (axis.value == graph.input) {
      couplings.pin_all(axis, "it is the model's input");
    } else if (axis.value == graph.output) {
      couplings.pin_all(axis, "it is the model's output");
    } else if (value.maker < 0 && value.parameter == nullptr && value.buffer == nullptr) {
      couplings.pin_all(axis, "it comes from outside the recorded operations");
    }
  }
}

// One class: its positions on each axis of a parameter or buffer.
using ClassMembers = std::map<Axis, std::vector<std::int64_t>>;

std::map<std::size_t, ClassMembers> members_by_class(const Couplings& couplings) {
  std::map<std::size_t, ClassMembers> classes;
  for (const Axis& axis : couplings.axes()) {
    const graph::Value& value = couplings.value(axis.value);
    if (value.parameter == nullptr && value.buffer == nullptr) continue;
    for (std::int64_t i = 0; i < couplings.size(axis); ++i)
      classes[couplings.class_of(axis, i)][axis].push_back(i);
  }
  return classes;
}

std::string name_of(const ChannelGroup& group) {
  const auto filters = std::find_if(group.members.begin(), group.members.end(),
                                    [](const Member& member) { return member.filters(); });
  return (filters != group.members.end() ? *filters : group.members.front()).name();
}

Structure structure_of(const ChannelGroup& group) {
  const bool linear = std::all_of(group.members.begin(), group.members.end(), [](const Member& member) {
    return !member.filters() || member.tensor().shape().rank() == 2;
  });
  return linear ? Structure::neuron : Structure::channel;
}

std::vector<ChannelGroup> form_groups(const Couplings& couplings) {
  const std::map<std::size_t, std::string> reasons = couplings.reasons();
  const std::set<std::size_t> heads = couplings.heads();
  using Signature = std::pair<std::vector<Axis>, std::string>;  // what its channels occupy; the reason
  std::map<Signature, std::size_t> index;
  std::vector<ChannelGroup> groups;
  for (const auto& [class_index, members] : members_by_class(couplings)) {
    Signature signature;
    for (const auto& [axis, positions] : members) signature.first.push_back(axis);
    const auto reason = reasons.find(class_index);
    if (reason != reasons.end()) signature.second = reason->second;
    const auto [entry, is_new] = index.emplace(signature, groups.size());
    if (is_new) {
      ChannelGroup group{
          .name = {}, .structure = {}, .members = {}, .classes = {}, .reason = signature.second};
      for (const Axis& axis : signature.first) {
        const graph::Value& value = couplings.value(axis.value);
        group.members.push_back({value.parameter, value.buffer, axis.dimension, {}});
      }
      group.name = name_of(group);
      group.structure = heads.contains(class_index) ? Structure::head : structure_of(group);
      groups.push_back(std::move(group));
    }
    ChannelGroup& group = groups[entry->second];
    std::size_t member = 0;
    for (const auto& [axis, positions] : members) group.members[member++].positions.push_back(positions);
    group.classes.push_back(class_index);
    ++group.channels;
  }
  return groups;
}

}  // namespace

bool ChannelGroup::is_masked(std::size_t channel) const {
  bool any = false;
  for (const Member& member : members) {
    if (!member.filters()) continue;
    any = true;
    const Mask& mask = member.parameter->mask;
    if (mask.dense()) return false;
    for (const std::int64_t position : member.positions[channel]) {
      bool alive = false;
      for_each_in_slice(member.tensor().shape(), 0, position,
                        [&, bytes = mask.data()](std::int64_t i) { alive |= bytes[i] != 0; });
      if (alive) return false;
    }
  }
  return any;
}

Dependencies::Dependencies(std::unique_ptr<graph::Graph> graph)
    : graph_(std::move(graph)), couplings_(*graph_) {
  apply_rules(*graph_, couplings_);
  pin_ends(*graph_, couplings_);
  groups_ = form_groups(couplings_);
}

Dependencies find_dependencies(nn::Module& model, const Shape& image) {
  return Dependencies(std::make_unique<graph::Graph>(graph::trace(model, image)));
}

}  // namespace espalier::pruning
