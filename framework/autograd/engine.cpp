// backward(): one walk over the tape, newest operation first. A node's consumers are all newer than itself,
// so when its turn comes its gradient is complete.
#include <algorithm>
#include <unordered_set>
#include <vector>

#include "framework/autograd/node.h"
#include "framework/autograd/profile.h"
#include "framework/core/error.h"
#include "framework/tensor/lanes.h"

namespace espalier {
namespace {

std::vector<std::shared_ptr<Node>> reachable_newest_first(const std::shared_ptr<Node>& root) {
  std::vector<std::shared_ptr<Node>> nodes = {root};
  std::unordered_set<const Node*> seen = {root.get()};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::shared_ptr<Node> node = nodes[i];
    for (const Edge& input : node->inputs) {
      if (input.node != nullptr && seen.insert(input.node.get()).second) nodes.push_back(input.node);
    }
  }
  std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) { return a->order > b->order; });
  return nodes;
}

// What a node's backward reads and writes: its inputs, their gradients and the output's.
std::int64_t operand_bytes(const Node& node) {
  const auto bytes = [](const Shape& shape, Layout layout, DType dtype) {
    return storage_elements(shape, layout) * static_cast<std::int64_t>(size_bytes(dtype));
  };
  std::int64_t sum = bytes(node.pending.shape(), node.pending.layout(), node.pending.dtype());
  for (const Edge& input : node.inputs) {
    sum += (input.wanted() ? 2 : 1) * bytes(input.shape, input.layout, input.dtype);
  }
  return sum;
}

}  // namespace

void Tensor::backward() const {
  check(requires_grad(), "backward", "nothing that this tensor was computed from requires gradients");
  check(numel() == 1, "backward",
        "expected a scalar loss, got shape {}; reduce it with ops::sum or ops::mean", shape().str());
  check(node() != nullptr, "backward",
        "the tensor is a leaf, or its graph was used by an earlier backward()");
  const NoGrad off;  // gradients are computed with ordinary operations, which must not record in turn
  std::vector<std::shared_ptr<Node>> nodes = reachable_newest_first(node());
  node()->pending = full(shape(), 1.0f, layout(), dtype());
  clear_padding_lanes(node()->pending);
  for (std::shared_ptr<Node>& current : nodes) {
    check(current->backward != nullptr, "backward", "the graph of {} was used by an earlier backward()",
          current->where());
    if (current->pending.defined()) {
      const std::int64_t bytes = operand_bytes(*current);
      Backward step(*current, std::move(current->pending));
      current->pending = {};
      current->backward(step);
      if (Profile* profile = Profile::active()) profile->lap(current->op, bytes, Profile::Pass::backward);
    }
    // What the operation saved is of no more use: its memory serves the nodes to come.
    current->backward = nullptr;
    current->inputs.clear();
    current.reset();
  }
}

}  // namespace espalier
