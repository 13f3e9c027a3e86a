// What a model is made of: its layers, what each holds and how much each computes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/nn/module.h"

namespace espalier::nn {

struct LayerSummary {
  std::string name;  // path from the model: "layer1.0.conv1"
  std::string type;  // "Conv2d"
  Shape output;      // for one image, without the batch: [C, H, W]
  std::int64_t parameters = 0;
  std::int64_t nonzeros = 0;        // parameters that no mask removes
  std::int64_t macs = 0;            // multiply-accumulates for one image
  std::int64_t effective_macs = 0;  // those with no weight that a mask removes
};

struct ModelSummary {
  std::vector<LayerSummary> layers;  // those that own parameters or multiply activations; parents first
  LayerSummary total;                // the sums; named "total"
};

// Runs one image of zeros [C, H, W] through the model, in evaluation mode and off the tape. Convolutions,
// linear layers and products of activations (attention) count; norms, biases and element-wise layers do not,
// as is customary. Nor does a WhiteningConv2d: its weight is no parameter, so nothing can be pruned from it.
ModelSummary summary(Module& model, const Shape& image);

}  // namespace espalier::nn
