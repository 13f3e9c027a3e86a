// Blocks of neighbouring output and input channels at one tap: patterns that a register-blocked kernel can
// follow at full speed. Gray, Radford and Kingma, "GPU kernels for block-sparse weights", 2017.
#pragma once

#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

class Block : public Granularity {
 public:
  void fields(FieldVisitor& v) override {
    v.field("oc", oc_, "output channels of a block", {1, 1024});
    v.field("ic", ic_, "input channels of a block", {1, 1024});
    norm_field(v);
  }
  UnitBox unit(const Shape&) const override { return {oc_, ic_, 1}; }

 private:
  std::int64_t oc_ = 4, ic_ = 4;
};

}  // namespace espalier::pruning
