// Whole neurons of the linear layers inside a network, such as a transformer's MLPs: a row of one layer with
// its bias, and the column of the next that reads it. McCarley, Chakravarti and Sil, "Structured pruning of a
// BERT-based question answering model", arXiv:1910.06360.
#pragma once

#include "pruning/granularity/filter.h"

namespace espalier::pruning {

class Neuron : public Filter {
 public:
  std::optional<Structure> structure() const override { return Structure::neuron; }
};

}  // namespace espalier::pruning
