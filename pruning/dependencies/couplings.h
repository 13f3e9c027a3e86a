// What operations say of their tensors: which positions go together, and what passes from channel to channel.
//
// A position is an index along one axis: channel c of an activation, row o of a weight, column i, element c
// of a bias. When one is removed, so is every position that it is tied to, directly or through others: ties
// are collected in a disjoint-set forest over all positions. Concatenation, flattening, groups of channels
// and padded shortcuts need no index arithmetic beyond the one loop in which their rule ties.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "framework/graph/graph.h"

namespace espalier::pruning {

// A dimension of a value of the graph. Positions exist along the channels of an activation, and along the
// first two dimensions of a parameter or buffer.
struct Axis {
  int value = -1;
  int dimension = 0;

  bool operator==(const Axis&) const = default;
  auto operator<=>(const Axis&) const = default;
};

// A convolution or linear layer: every output channel of a group is a sum over the group's input channels.
//   weight [OC, IC/groups, ...], bias [OC]
struct Mixer {
  int operation = -1;
  int input = -1, weight = -1, bias = -1, output = -1;  // values; bias -1: none
  std::int64_t groups = 1;
  bool padded = false;      // zeros surround the input
  bool one_to_one = false;  // depthwise: a group has one input channel, which its outputs go with
};

// Output channel `to` of an operation is computed from input channel `from` alone, in the same way in every
// image.
struct Passage {
  int input = -1;
  std::int64_t from = 0, to = 0;
  // Does a constant input give a constant output? Zeros at the borders let only a constant 0 pass.
  enum class Constants { all, zero, none } constants = Constants::all;
};

class Couplings {
 public:
  explicit Couplings(const graph::Graph& graph);

  // --- for rules
  const graph::Graph& graph() const { return graph_; }
  const graph::Value& value(int index) const { return graph_.values[static_cast<std::size_t>(index)]; }
  // The channels of an activation.
  Axis channels(int value) const { return {value, this->value(value).channel_dimension()}; }
  std::int64_t size(Axis axis) const { return value(axis.value).shape[axis.dimension]; }

  void tie(Axis a, std::int64_t i, Axis b, std::int64_t j);
  // Position by position; both are of one length.
  void tie_all(Axis a, Axis b);
  // The position cannot be removed, nor what is tied to it.
  void pin(Axis axis, std::int64_t i, const std::string& reason);
  void pin_all(Axis axis, const std::string& reason);
  // Ties the two channels, and notes that the value goes from one to the other.
  void pass(int operation, const Passage& passage);
  // Channel by channel.
  void pass_all(int operation, int input, Passage::Constants constants = Passage::Constants::all);
  // A channel of the output that the operation fills with zeros; it cannot be removed.
  void fill_with_zeros(int operation, std::int64_t channel, const std::string& reason);
  // The position belongs to a head of an attention.
  void mark_head(Axis axis, std::int64_t i) { heads_.push_back(position(axis, i)); }
  // Ties input and output channels to weight and bias.
  void mix(const Mixer& mixer);

  // --- the outcome
  // Positions that go together have one class.
  std::size_t class_of(Axis axis, std::int64_t i) const;
  // Why classes cannot be removed, where they cannot.
  std::map<std::size_t, std::string> reasons() const;
  // The classes that heads are.
  std::set<std::size_t> heads() const;
  // Every axis that has positions.
  const std::vector<Axis>& axes() const { return axes_; }
  const std::vector<Mixer>& mixers() const { return mixers_; }
  const std::vector<Passage>& passages(int operation) const {
    return passages_[static_cast<std::size_t>(operation)];
  }
  const std::vector<std::int64_t>& zero_channels(int operation) const {
    return zero_channels_[static_cast<std::size_t>(operation)];
  }

 private:
  std::size_t position(Axis axis, std::int64_t i) const;
  std::size_t root(std::size_t position) const;

  const graph::Graph& graph_;
  std::vector<Axis> axes_;
  std::vector<std::vector<std::size_t>> first_;  // a value, a dimension: its first position
  mutable std::vector<std::size_t> parent_;      // a position
  std::vector<std::pair<std::size_t, std::string>> pins_;
  std::vector<std::size_t> heads_;  // positions
  std::vector<Mixer> mixers_;
  std::vector<std::vector<Passage>> passages_;            // an operation
  std::vector<std::vector<std::int64_t>> zero_channels_;  // an operation
};

}  // namespace espalier::pruning
