// 2-D convolution with sparse weights: the convolution of kernels/conv2d/conv2d.h, groups = 1, in which only
// kept blocks of the weights are multiplied. A block is b output channels x b input channels at one tap; with
// b = 1 it is a single weight, and the sparsity is unstructured.
//
//   dst[n, oc, pixel] = bias[oc] + sum over kept (oc, ic, tap) of  w[oc, ic, tap] * src[n, ic, pixel's tap]
//
//   values, diff_values  [count][b output channels][b input channels]    in the order of `by_output`
//
// Where b does not divide the channels, the last block's values beyond them do not count, and their
// gradients are zero. Activations are as in conv2d.h, of f32 or bf16, and sums are f32 whatever they are; so
// are padding lanes, padding vectors, and the promise that the bits do not depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/conv2d/conv2d.h"

namespace espalier::kernels {

// Kept blocks, row by row: row r has those at begin[r] .. begin[r+1]-1. A block's column is
// (block of the other side's channels) * KH*KW + (kh * KW + kw); columns ascend within a row.
struct SparseRows {
  const std::int32_t* begin = nullptr;   // [rows + 1]
  const std::int32_t* column = nullptr;  // [count]
};

struct SparseBlocks {
  int size = 1;  // b: 1 or 4
  std::int64_t count = 0;
  SparseRows by_output;                 // rows are blocks of output channels
  SparseRows by_input;                  // the same blocks; rows are blocks of input channels
  const std::int32_t* place = nullptr;  // [count] of by_input: which block of by_output it is
};

// The sizes of blocks that have kernels.
inline bool sparse_block_supported(int size) { return size == 1 || size == 4; }

// Kept single weights as lists of where they read, made once for a shape without padding: output channel oc
// has those at begin[oc] .. begin[oc+1]-1; offset counts floats from the input of a pixel's first tap in
// channel 0.
struct KeptWeights {
  const std::int32_t* begin = nullptr;   // [OC + 1]
  const std::int32_t* offset = nullptr;  // [count]
  const float* value = nullptr;          // [count]
};

struct SpConv2dArgs {
  const void* src = nullptr;       // forward, backward_weights: activations, of shape.element
  const float* values = nullptr;   // forward, backward_data
  const void* prepared = nullptr;  // forward: what prepare() made of values, which are then not read
  const float* bias = nullptr;     // forward; may be null
  const void* residual = nullptr;  // forward: added, lies as dst; may be null
  bool relu = false;               // forward: at last
  void* dst = nullptr;             // forward
  const void* diff_dst = nullptr;  // backward_data, backward_weights
  void* diff_src = nullptr;        // backward_data: overwritten
  float* diff_values = nullptr;    // backward_weights: overwritten
  float* diff_bias = nullptr;      // backward_weights: overwritten; may be null
  void* scratch = nullptr;         // scratch_bytes(...), aligned to 64 bytes
};

struct SpConv2dKernels {
  Isa isa;
  // May depend on num_threads().
  std::size_t (*scratch_bytes)(const Conv2dShape&, const SparseBlocks&, Conv2dPass);
  void (*run)(const Conv2dShape&, const SparseBlocks&, Conv2dPass, const SpConv2dArgs&);
  // Forward, the lists of kept blocks made once: their size, aligned to 64 bytes, and what fills them
  // (scratch as for the pass).
  std::size_t (*prepared_bytes)(const Conv2dShape&, const SparseBlocks&);
  void (*prepare)(const Conv2dShape&, const SparseBlocks&, const float* values, void* prepared,
                  void* scratch);
  // Forward without padding, for few images, of f32. Reads src, bias, residual and relu; no scratch.
  void (*forward_kept)(const Conv2dShape&, const KeptWeights&, const SpConv2dArgs&);
};

inline const SpConv2dKernels& spconv2d() { return active_kernels<SpConv2dKernels>(); }

}  // namespace espalier::kernels
