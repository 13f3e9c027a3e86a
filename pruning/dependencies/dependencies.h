// Which channels of a model go together, and which cannot go.
//
//   const Dependencies d = find_dependencies(*model, {3, 32, 32});
//   for (const ChannelGroup& group : d.groups()) ...
//
// A channel here is everything that must be removed at once: the filters that compute it, their biases, the
// elements of the norms that it passes, the same channel of whatever it is added to, and the columns of the
// layers that read it. An attention head is such a channel, and so is a neuron of an MLP. Channels with the
// same members form a group: "the 64 channels that conv1 computes".
//
// After Fang et al., "DepGraph: towards any structural pruning", CVPR 2023. There dependencies join layers,
// and index maps along each edge say which channel becomes which; here they join single positions, and the
// maps are what results.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/graph/graph.h"
#include "pruning/dependencies/couplings.h"
#include "pruning/dependencies/structure.h"

namespace espalier::pruning {

// What a group's channels occupy of one parameter or buffer.
struct Member {
  nn::Parameter* parameter = nullptr;  // or
  nn::Buffer* buffer = nullptr;
  int dimension = 0;
  // A channel: its positions along the dimension. More than one behind a flattening, or in a grouped
  // convolution.
  std::vector<std::vector<std::int64_t>> positions;

  const Tensor& tensor() const { return parameter != nullptr ? parameter->value : buffer->value; }
  const std::string& name() const { return parameter != nullptr ? parameter->name : buffer->name; }
  // Rows of a weight: filters of a convolution, neurons of a linear layer.
  bool filters() const {
    return parameter != nullptr && parameter->kind == nn::ParameterKind::weight && dimension == 0;
  }
};

struct ChannelGroup {
  std::string name;  // the first weight whose filters compute the channels
  Structure structure = Structure::channel;
  std::int64_t channels = 0;
  std::vector<Member> members;
  std::vector<std::size_t> classes;  // a channel: its class in the couplings
  std::string reason;                // why its channels cannot be removed; empty: they can

  // Are all filters that compute the channel pruned? Not where none does.
  bool is_masked(std::size_t channel) const;
};

class Dependencies {
 public:
  explicit Dependencies(std::unique_ptr<graph::Graph> graph);

  const graph::Graph& graph() const { return *graph_; }
  const Couplings& couplings() const { return couplings_; }
  // In the order of the model's parameters.
  const std::vector<ChannelGroup>& groups() const { return groups_; }

 private:
  std::unique_ptr<graph::Graph> graph_;  // the couplings refer to it
  Couplings couplings_;
  std::vector<ChannelGroup> groups_;
};

// Runs the model once, on an image [C, H, W]; it is left as it was, and must outlive the result.
Dependencies find_dependencies(nn::Module& model, const Shape& image);

}  // namespace espalier::pruning
