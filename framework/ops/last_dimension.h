// The rows along the last dimension of a tensor in lanes, for operations that treat each on its own.
#pragma once

#include "framework/tensor/tensor.h"
#include "kernels/base/lanes.h"

namespace espalier::ops {

// Blocks of rows without gaps: the whole tensor, or each plane where padding lies between them.
struct LastDimension {
  std::int64_t blocks = 1;
  std::int64_t block_floats = 0;  // from one block to the next
  kernels::LaneShape shape;       // [G][T rows][C][16] of one block

  // body(shape, offset of the block in floats)
  template <class Body>
  void for_each_block(const Body& body) const {
    for (std::int64_t i = 0; i < blocks; ++i) body(shape, i * block_floats);
  }
};

// Throws Error unless x is in lanes and of rank 2 to 4.
LastDimension last_dimension(const Tensor& x, const char* op);

}  // namespace espalier::ops
