#include "models/encoder.h"

#include <algorithm>

#include "framework/core/error.h"

namespace espalier::models {

void EncoderSettings::fields(FieldVisitor& v) {
  v.field("dim", dim, "features of a token", {1, 65536});
  v.field("depth", depth, "transformer blocks", {1, 1000});
  v.field("heads", heads, "attention heads of a block; they share dim alike", {1, 65536});
  v.field("mlp_ratio", mlp_ratio, "neurons of a block's MLP over dim", {0.01, 64.0});
  v.field("gelu", gelu, "the formula of the MLP's GELU: exact, or its approximation by tanh",
          {"erf", "tanh"});
  v.field("positions", positions, "what tells tokens where they stand: trained, or fixed sines and cosines",
          {"learned", "sine"});
  v.field("dropout", dropout, "of positions, and of attention's and the MLP's layers", {0.0, 0.99});
  v.field("stochastic_depth", stochastic_depth,
          "probability that the last block's branches are left out; from 0 in the first it rises linearly",
          {0.0, 0.99});
}

nn::TransformerBlock::Options EncoderSettings::block() const {
  if (dim % heads != 0) {
    fail(ErrorKind::usage, "model",
         "the heads share the features alike: expected a number that divides {}, got {} heads", dim, heads);
  }
  const auto hidden = static_cast<std::int64_t>(mlp_ratio * static_cast<double>(dim));
  return {.dim = dim,
          .heads = heads,
          .hidden = std::max<std::int64_t>(hidden, 1),
          .dropout = dropout,
          .stochastic_depth = stochastic_depth,
          .gelu = gelu == "tanh" ? ops::Gelu::tanh : ops::Gelu::erf};
}

}  // namespace espalier::models
