// What can be removed from a network as one although several layers hold parts of it.
#pragma once

namespace espalier::pruning {

enum class Structure {
  channel,  // of a convolution
  neuron,   // of a linear layer whose result others read
  head,     // of an attention: its rows of queries, keys and values, its columns of what follows
};

// "heads"
inline const char* plural(Structure structure) {
  return structure == Structure::head ? "heads" : structure == Structure::neuron ? "neurons" : "filters";
}

}  // namespace espalier::pruning
