// Whole attention heads: of queries, keys and values the rows of the head, of the layer behind the attention
// the columns that read it. A head's score is the mean over its rows. Michel, Levy and Neubig, "Are sixteen
// heads really better than one?", NeurIPS 2019; Voita et al., "Analyzing multi-head self-attention", ACL
// 2019.
#pragma once

#include "pruning/granularity/filter.h"

namespace espalier::pruning {

class Head : public Filter {
 public:
  std::optional<Structure> structure() const override { return Structure::head; }
};

}  // namespace espalier::pruning
