// What the settings of the vision transformers have in common.
#pragma once

#include <string>

#include "framework/core/fields.h"
#include "framework/nn/modules/transformer_block.h"

namespace espalier::models {

struct EncoderSettings {
  std::int64_t dim = 192;
  std::int64_t depth = 9;
  std::int64_t heads = 3;
  double mlp_ratio = 4.0;
  std::string gelu = "erf";
  std::string positions = "learned";
  double dropout = 0.0;
  double stochastic_depth = 0.0;

  void fields(FieldVisitor& v);
  bool learns_positions() const { return positions == "learned"; }
  nn::TransformerBlock::Options block() const;
};

}  // namespace espalier::models
