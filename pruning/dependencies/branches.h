// Residual branches of a model, read from its graph: what is added to a stream that goes on by itself.
//
//   y = x + f(x)                                  add, in a transformer: f is an attention or an MLP
//   y = relu(batch_norm(g(x)) + x)                batch_norm with a residual, in a ResNet
//
// A branch whose last layer is masked whole, bias and shift included, adds exactly 0, and the model can do
// without it. Where the shortcut is no identity, nothing can be taken out.
#pragma once

#include <string>
#include <vector>

#include "framework/graph/graph.h"
#include "pruning/criteria/mask_variable.h"

namespace espalier::pruning {

struct ResidualBranch {
  std::string name;   // "blocks.0.attn", "layer1.1"
  std::string block;  // what contains it, and maybe more branches: "blocks.0"; of a ResNet its own name
  std::vector<nn::Parameter*> parameters;  // of the branch alone
  // What its result is linear in: weight and bias of its last layer, scale and shift of its last norm.
  std::vector<nn::Parameter*> last;
  std::string reason;  // why it has to stay; empty: it can go

  // Does the mask leave nothing of its last layer?
  bool silent() const;
  MaskVariable mask_variable() const;
};

// In the order in which they run. Parameters are referred to.
std::vector<ResidualBranch> find_branches(const graph::Graph& graph);

}  // namespace espalier::pruning
