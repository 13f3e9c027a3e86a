// The graph of a model: its operations and the tensors between them, read from what one run records.
//
//   const graph::Graph g = graph::trace(*model, {3, 32, 32});
//   for (const graph::Operation& operation : g.operations) ...   // in the order in which they ran
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "framework/nn/module.h"

namespace espalier::graph {

// A tensor that an operation reads or computes.
struct Value {
  Shape shape;
  bool activation = false;             // has a batch, here of 1
  nn::Parameter* parameter = nullptr;  // the parameter or buffer of the model that it is
  nn::Buffer* buffer = nullptr;
  int maker = -1;  // the operation that computes it; -1: none
  // Of an activation: the value of each channel at its first pixel or token, [channels].
  std::vector<float> sample;

  // The dimension of an activation that counts channels or features: [N, C, H, W], [N, F], [N, T, C].
  int channel_dimension() const { return shape.rank() == 3 ? 2 : 1; }
  std::int64_t channels() const { return shape[channel_dimension()]; }
};

struct Operation {
  std::string op;           // "conv2d"
  std::string layer;        // the module that ran it: "layer1.0.conv1"; empty when none did
  std::vector<int> inputs;  // values, in the order of the operation's arguments; -1: an optional one left out
  int output = -1;
  std::map<std::string, double> attributes;  // {"groups", 4}

  // "conv2d in layer1.0.conv1"
  std::string where() const;
};

struct Graph {
  std::vector<Value> values;
  std::vector<Operation> operations;
  int input = -1, output = -1;  // values: the image and the result
};

// Runs the model once, in evaluation mode and off the tape, on one random image [C, H, W]. The model is left
// as it was. Parameters and buffers are referred to.
Graph trace(nn::Module& model, const Shape& image);

}  // namespace espalier::graph
