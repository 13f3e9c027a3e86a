// The methods of papers, and the controls that they are compared with, as what they are here: combinations of
// parts. `espalier methods` lists them, and a test reads each.
#pragma once

#include <vector>

namespace espalier::pruning {

struct Method {
  const char* name;
  const char* keys;  // of [[stage.prune]], as TOML on one line; beside its sparsity
  const char* paper;
};

const std::vector<Method>& methods();

}  // namespace espalier::pruning
