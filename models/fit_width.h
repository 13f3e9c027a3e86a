// The scratch control: does pruning beat a smaller dense network, trained from scratch, of the same cost? Liu
// et al., "Rethinking the value of network pruning", ICLR 2019.
#pragma once

#include <string>

#include "models/registry.h"

namespace espalier::models {

// What is left of a model's cost.
struct Budget {
  std::string of = "parameters";  // or "macs"
  double fraction = 1.0;          // 1: the model as it is

  void fields(FieldVisitor& v);
};

// The largest width, a transformer's dim, with which the model costs at most `budget.fraction` of what `spec` costs with its own.
// The spec is left as it was. Throws Error (usage) when it has no width, or the least of its widths costs too much.
std::int64_t width_within(ModelSpec& spec, const Budget& budget, const Shape& image, std::int64_t classes);

// The model with another width than the spec's, which is left as it was.
std::shared_ptr<nn::Module> build_at_width(ModelSpec& spec, std::int64_t width, const Shape& image,
                                           std::int64_t classes, std::uint64_t seed);

}  // namespace espalier::models
