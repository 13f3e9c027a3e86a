// A trained network as inference needs it: layers in order, weights folded, no batch, no machine. Plain data,
// so that it can be written to a file and run where there is no framework.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace espalier::infer {

// What one image has: C planes of H x W, or C features.
struct Features {
  int C = 0, H = 1, W = 1;

  std::int64_t count() const { return std::int64_t{C} * H * W; }
};

enum class LayerKind {
  convolution,  // [relu] (weights * input + bias [+ second])
  linear,       // [relu] (weights * input + bias)
  affine,       // [relu] (weights[c] * input + bias[c] [+ second]): a norm that no convolution took in
  add,          // [relu] (input + second)
  relu,
  max_pool,
  average_pool,
  global_average,  // features
  flatten,         // features, channel by channel
  subsample,       // every stride-th pixel, between new channels of zeros
};

struct Window {
  int KH = 1, KW = 1;
  int SH = 1, SW = 1;  // stride
  int PH = 0, PW = 0;  // padding on either side
};

struct Layer {
  LayerKind kind = LayerKind::relu;
  std::string name;  // the operations that it does: "conv2d in conv1, batch_norm in bn1"
  int input = -1, second = -1, output = -1;  // values; second -1: none
  bool relu = false;
  Window window = {};  // of convolution, pools, subsample
  int groups = 1;
  std::vector<float> weights = {};  // convolution [OC, IC/groups, KH, KW], linear [OC, IC], affine [C]
  std::vector<float> bias = {};     // [OC]; empty: zeros
};

struct Network {
  std::vector<Features> values;
  std::vector<Layer> layers;
  int input = -1, output = -1;  // values: the image, the result
};

}  // namespace espalier::infer
