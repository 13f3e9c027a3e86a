// What was chosen, as files hold it: the record of a run, and the cache of a machine.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "framework/tune/layer_shape.h"

namespace espalier::tune {

// The dense kernel of a convolution's pass.
struct DenseChoice {
  std::string kernel;                // its name in kernels.inc
  std::map<std::string, double> ms;  // of every kernel that was compared; empty: none was
};

// Below which density of kept weights a sparse pass is taken for a dense one.
struct BreakEven {
  double density = 0.0;  // 0: never
  double at_zero = 0.0;  // what a sparse pass costs however few weights are kept, in units of the dense one
  std::string against;   // the dense kernel that it was measured against; empty: by the fixed table

  // Of a sparse pass, in units of the dense one and with the margin in it: below 1 it pays.
  double cost(double kept_density) const;
};

struct Choices {
  std::map<std::string, DenseChoice> dense;     // by dense_key
  std::map<std::string, BreakEven> break_even;  // by sparse_key

  std::size_t size() const { return dense.size() + break_even.size(); }
  // Adds what is not there yet.
  void add(const Choices& others);
};

// Of a shape at its compared batch: "conv2d N128 ... forward", and then " 1x1" or " 4x4".
std::string dense_key(const LayerShape& shape, kernels::Conv2dPass pass);
std::string sparse_key(const LayerShape& shape, kernels::Conv2dPass pass, int block_size);

nlohmann::ordered_json to_json(const Choices& choices);
// Throws Error (integrity) when it is not what to_json makes. Names of kernels and shapes are taken as they
// are: what no kernel bears is found out when it is looked up.
Choices choices_from_json(const nlohmann::json& json);

}  // namespace espalier::tune
