// Small vision transformers of random shape: with a class token, a mean or sequence pooling, patches or
// convolutions before the blocks, learned or fixed positions, one to four heads.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "framework/core/random.h"
#include "models/registry.h"
#include "tests/support/set_fields.h"

namespace espalier::testing {

inline const Shape kTransformerImage = {3, 8, 8};
inline constexpr std::int64_t kTransformerClasses = 5;

// Biases and norms are as training leaves them.
inline std::shared_ptr<nn::Module> random_transformer(unsigned seed) {
  std::mt19937 engine(seed);
  const auto pick = [&](const std::vector<double>& of) {
    return of[std::uniform_int_distribution<std::size_t>(0, of.size() - 1)(engine)];
  };
  const auto spec = models::model_registry().make(pick({0, 1, 2}) > 0 ? "vit" : "cct");
  SetFields fields;
  const double heads = pick({1, 2, 3, 4});
  fields.numbers = {{"heads", heads},           {"dim", 4 * heads * pick({1, 2})},
                    {"depth", pick({1, 2, 3})}, {"mlp_ratio", pick({1, 2})},
                    {"patch", pick({2, 4})},    {"conv_layers", pick({1, 2})}};
  fields.texts = {{"pool", pick({0, 1}) > 0 ? "class" : "mean"},
                  {"positions", pick({0, 1}) > 0 ? "learned" : "sine"}};
  spec->fields(fields);
  std::shared_ptr<nn::Module> model = spec->build(kTransformerImage, kTransformerClasses, seed);
  Random random(seed, "trained");
  for (nn::Parameter* p : model->parameters()) {
    const float size = p->kind == nn::ParameterKind::weight ? 0.3f : 0.2f;
    for (std::int64_t i = 0; i < p->value.numel(); ++i) p->value.data()[i] += size * random.normal();
  }
  return model;
}

}  // namespace espalier::testing
