// From what a model does (framework/graph/) to layers that only infer: norms folded into the convolutions
// before them, ReLU and residual sums joined to what computes their input.
#pragma once

#include "framework/graph/graph.h"
#include "framework/infer/runtime/network.h"

namespace espalier::infer {

// Throws Error naming the operation that inference does not know, or that reads something unforeseen.
Network lower(const graph::Graph& graph);

}  // namespace espalier::infer
