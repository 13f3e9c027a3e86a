// What can be removed from a network as one although several layers hold parts of it.
#pragma once

#include <cstdint>
#include <string>

namespace espalier::pruning {

enum class Structure {
  channel,  // of a convolution
  neuron,   // of a linear layer whose result others read
  head,     // of an attention: its rows of queries, keys and values, its columns of what follows
  branch,   // what is added to a residual stream: a ResNet's block, a transformer's attention or MLP
  layer,    // all branches of one block
};

// "1 head", "3 heads"; a channel counts as the filters that compute it.
std::string counted(std::int64_t count, Structure structure);

}  // namespace espalier::pruning
