// The definition of correct for this family: the kept blocks laid out as dense weights, zero elsewhere, and
// the dense reference over them (kernels/conv2d/reference.h).
#pragma once

#include <vector>

#include "kernels/conv2d/reference.h"
#include "kernels/spconv2d/spconv2d.h"

namespace espalier::kernels::reference {

// Calls body(value index, weight index) for every weight of every kept block; weights are [OC][IC][KH][KW].
template <class Body>
void for_each_kept(const Conv2dShape& s, const SparseBlocks& blocks, const Body& body) {
  const int b = blocks.size, taps = s.KH * s.KW;
  for (int row = 0; row < (s.OC + b - 1) / b; ++row) {
    for (int k = blocks.by_output.begin[row]; k < blocks.by_output.begin[row + 1]; ++k) {
      const int first_ic = blocks.by_output.column[k] / taps * b, tap = blocks.by_output.column[k] % taps;
      for (int i = 0; i < b * b; ++i) {
        const int oc = row * b + i / b, ic = first_ic + i % b;
        if (oc < s.OC && ic < s.IC)
          body(std::int64_t{k} * b * b + i, (std::int64_t{oc} * s.IC + ic) * taps + tap);
      }
    }
  }
}

inline void spconv2d(Conv2dPass pass, const Conv2dShape& s, const SparseBlocks& blocks,
                     const SpConv2dArgs& args) {
  std::vector<float> weights(weights_size(s), 0.0f);
  if (pass != Conv2dPass::backward_weights) {
    for_each_kept(s, blocks, [&](std::int64_t value, std::int64_t weight) {
      weights[static_cast<std::size_t>(weight)] = args.values[value];
    });
  }
  Conv2dArgs dense;
  dense.src = args.src;
  dense.weights = weights.data();
  dense.diff_weights = weights.data();
  dense.bias = args.bias;
  dense.residual = args.residual;
  dense.relu = args.relu;
  dense.dst = args.dst;
  dense.diff_dst = args.diff_dst;
  dense.diff_src = args.diff_src;
  dense.diff_bias = args.diff_bias;
  conv2d(pass, s, dense);
  if (pass != Conv2dPass::backward_weights) return;
  for (std::int64_t i = 0; i < blocks.count * blocks.size * blocks.size; ++i) args.diff_values[i] = 0.0f;
  for_each_kept(s, blocks, [&](std::int64_t value, std::int64_t weight) {
    args.diff_values[value] = weights[static_cast<std::size_t>(weight)];
  });
}

}  // namespace espalier::kernels::reference
