// Wanda: |w| times the norm of the input that it meets in the trained network, in evaluation mode. Sun et
// al., "A simple and effective pruning approach for large language models", ICLR 2024. In its paper weights
// of one output compete among themselves; here the scope decides.
#pragma once

#include "pruning/criteria/measured.h"

namespace espalier::pruning {

class Wanda : public Measured {
 public:
  void fields(FieldVisitor& v) override;
  void measure(const ScoringData& data, std::span<nn::Parameter* const> targets) override;

 private:
  std::int64_t batches_ = 8;
};

}  // namespace espalier::pruning
