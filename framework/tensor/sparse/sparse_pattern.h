// Which weights of a convolution or a linear layer are kept, as the sparse kernels read it: blocks of b x b
// channels at one tap, by output channel and, for backward data, by input channel. With b = 1 a block is one
// weight and the sparsity unstructured. A pattern never changes; a changed mask makes a new one.
//
// The dense form, [OC, IC, KH, KW] or [OC, IC], with its mask is what checkpoints hold and what everyone may
// read; gather() and scatter() go to the kept values and back without loss.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/tensor/mask.h"
#include "framework/tensor/tensor.h"
#include "kernels/spconv2d/spconv2d.h"

namespace espalier {

// What the density() of a mask's pattern would be, at much less cost than to make it.
double density_in_blocks(const Mask& mask, int block_size);

class SparsePattern {
 public:
  // Keeps every block in which the mask, u8 of the weights' shape, keeps a weight. Throws Error for a mask of
  // another rank, a dense one, or a size of blocks that has no kernels.
  SparsePattern(const Mask& mask, int block_size);

  const Shape& shape() const { return shape_; }  // of the dense weights
  int block_size() const { return block_size_; }
  std::int64_t blocks() const { return static_cast<std::int64_t>(output_column_.size()); }
  // Kept values, those that fill up a block included, as a fraction of all weights.
  double density() const;

  // Points into this pattern.
  kernels::SparseBlocks view() const;

  // [blocks, b, b]: the values of the kept blocks; 0 where a block reaches beyond the channels.
  Tensor gather(const Tensor& dense) const;
  void gather(const Tensor& dense, Tensor& values) const;  // into memory that is there
  // The inverse: dense weights with 0 outside the kept blocks.
  Tensor scatter(const Tensor& values) const;
  void scatter(const Tensor& values, float* dense) const;  // into memory for the weights
  // Of each value the weight whose value it is, as an index into the dense form; -1 beyond the channels.
  std::vector<std::int32_t> places() const;

 private:
  void check_values(const Tensor& values, const char* what) const;
  template <class Body>
  void for_each_value(std::int64_t output_block, const Body& body) const;

  Shape shape_;
  int block_size_;
  std::vector<std::int32_t> output_begin_, output_column_;  // kernels::SparseBlocks::by_output
  std::vector<std::int32_t> input_begin_, input_column_;    // by_input
  std::vector<std::int32_t> place_;
};

}  // namespace espalier
