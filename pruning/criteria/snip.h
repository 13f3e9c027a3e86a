// SNIP: |w dL/dw|, the connection sensitivity: how much the loss would notice the weight's absence. Lee,
// Ajanthan and Torr, "SNIP: single-shot network pruning based on connection sensitivity", ICLR 2019; in
// rounds, iterative SNIP (de Jorge et al., "Progressive skeletonization", ICLR 2021). Batch norm normalises
// by the batch; in the authors' code by its running statistics, which are still 0 and 1.
#pragma once

#include "pruning/criteria/measured.h"

namespace espalier::pruning {

class Snip : public Measured {
 public:
  void fields(FieldVisitor& v) override;
  void measure(const ScoringData& data, std::span<nn::Parameter* const> targets) override;

 private:
  std::int64_t batches_ = 8;
};

}  // namespace espalier::pruning
