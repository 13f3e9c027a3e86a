#include "pruning/dependencies/couplings.h"

#include <algorithm>
#include <numeric>

namespace espalier::pruning {

Couplings::Couplings(const graph::Graph& graph)
    : graph_(graph), passages_(graph.operations.size()), zero_channels_(graph.operations.size()) {
  std::size_t positions = 0;
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    const graph::Value& value = graph.values[v];
    std::vector<std::size_t> first(static_cast<std::size_t>(value.shape.rank()), 0);
    for (int d = 0; d < value.shape.rank(); ++d) {
      if (value.activation ? d != value.channel_dimension() : d > 1) continue;
      first[static_cast<std::size_t>(d)] = positions;
      positions += static_cast<std::size_t>(value.shape[d]);
      axes_.push_back({static_cast<int>(v), d});
    }
    first_.push_back(std::move(first));
  }
  parent_.resize(positions);
  std::iota(parent_.begin(), parent_.end(), std::size_t{0});
}

std::size_t Couplings::position(Axis axis, std::int64_t i) const {
  return first_[static_cast<std::size_t>(axis.value)][static_cast<std::size_t>(axis.dimension)] +
         static_cast<std::size_t>(i);
}

std::size_t Couplings::root(std::size_t position) const {
  while (parent_[position] != position) {
    parent_[position] = parent_[parent_[position]];
    position = parent_[position];
  }
  return position;
}

std::size_t Couplings::class_of(Axis axis, std::int64_t i) const { return root(position(axis, i)); }

void Couplings::tie(Axis a, std::int64_t i, Axis b, std::int64_t j) {
  const std::size_t x = class_of(a, i), y = class_of(b, j);
  parent_[std::max(x, y)] = std::min(x, y);
}

void Couplings::tie_all(Axis a, Axis b) {
  for (std::int64_t i = 0; i < size(a); ++i) tie(a, i, b, i);
}

void Couplings::pin(Axis axis, std::int64_t i, const std::string& reason) {
  pins_.emplace_back(position(axis, i), reason);
}

void Couplings::pin_all(Axis axis, const std::string& reason) {
  for (std::int64_t i = 0; i < size(axis); ++i) pin(axis, i, reason);
}

std::map<std::size_t, std::string> Couplings::reasons() const {
  std::map<std::size_t, std::string> reasons;
  for (const auto& [position, reason] : pins_)
    reasons.emplace(root(position), reason);  // the first one counts
  return reasons;
}

std::set<std::size_t> Couplings::heads() const {
  std::set<std::size_t> classes;
  for (const std::size_t position : heads_) classes.insert(root(position));
  return classes;
}

void Couplings::pass(int operation, const Passage& passage) {
  const int output = graph_.operations[static_cast<std::size_t>(operation)].output;
  tie(channels(passage.input), passage.from, channels(output), passage.to);
  passages_[static_cast<std::size_t>(operation)].push_back(passage);
}

void Couplings::pass_all(int operation, int input, Passage::Constants constants) {
  for (std::int64_t c = 0; c < value(input).channels(); ++c)
    pass(operation, {.input = input, .from = c, .to = c, .constants = constants});
}

void Couplings::fill_with_zeros(int operation, std::int64_t channel, const std::string& reason) {
  pin(channels(graph_.operations[static_cast<std::size_t>(operation)].output), channel, reason);
  zero_channels_[static_cast<std::size_t>(operation)].push_back(channel);
}

void Couplings::mix(const Mixer& mixer) {
  const Axis input = channels(mixer.input), output = channels(mixer.output);
  const Axis rows = {mixer.weight, 0}, columns = {mixer.weight, 1};
  tie_all(output, rows);
  if (mixer.bias >= 0) tie_all(output, {mixer.bias, 0});
  if (mixer.one_to_one) {
    const std::int64_t outputs = size(output) / mixer.groups;
    for (std::int64_t o = 0; o < size(output); ++o) tie(input, o / outputs, output, o);
    pin_all(columns, "a depthwise convolution reads one channel");
  } else {
    // All groups stay of one size: a channel goes together with its fellows in the other groups.
    const std::int64_t inputs = size(columns), outputs = size(output) / mixer.groups;
    for (std::int64_t i = 0; i < size(input); ++i) tie(input, i, columns, i % inputs);
    for (std::int64_t o = outputs; o < size(output); ++o) tie(output, o, output, o % outputs);
  }
  mixers_.push_back(mixer);
}

}  // namespace espalier::pruning
