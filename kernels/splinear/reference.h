// The definition of correct for this family: the sum over kept weights, token by token.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/splinear/splinear.h"

namespace espalier::kernels::reference {

// Calls body(value index, oc, ic) for every weight of every kept block that lies within the layer.
template <class Body>
void for_each_kept(const LinearShape& s, const SparseBlocks& blocks, const Body& body) {
  const int b = blocks.size;
  for (int row = 0; row < (s.OC + b - 1) / b; ++row) {
    for (int k = blocks.by_output.begin[row]; k < blocks.by_output.begin[row + 1]; ++k) {
      for (int i = 0; i < b * b; ++i) {
        const int oc = row * b + i / b, ic = blocks.by_output.column[k] * b + i % b;
        if (oc < s.OC && ic < s.IC) body(std::int64_t{k} * b * b + i, oc, ic);
      }
    }
  }
}

inline void splinear(Conv2dPass pass, const LinearShape& s, const SparseBlocks& blocks,
                     const SpConv2dArgs& args) {
  const std::int64_t tokens = groups(s.N) * s.T;
  const auto *src = static_cast<const float*>(args.src), *diff_dst = static_cast<const float*>(args.diff_dst);
  auto *dst = static_cast<float*>(args.dst), *diff_src = static_cast<float*>(args.diff_src);
  // Element of lane l of a token's feature.
  const auto at = [](std::int64_t token, int features, int feature, int l) {
    return (token * features + feature) * kLanes + l;
  };
  for (std::int64_t token = 0; token < tokens; ++token) {
    for (int l = 0; l < kLanes; ++l) {
      if (pass == Conv2dPass::forward) {
        for (int oc = 0; oc < s.OC; ++oc) {
          dst[at(token, s.OC, oc, l)] = args.bias == nullptr ? 0.0f : args.bias[oc];
        }
        for_each_kept(s, blocks, [&](std::int64_t value, int oc, int ic) {
          dst[at(token, s.OC, oc, l)] += args.values[value] * src[at(token, s.IC, ic, l)];
        });
      } else if (pass == Conv2dPass::backward_data) {
        for (int ic = 0; ic < s.IC; ++ic) diff_src[at(token, s.IC, ic, l)] = 0.0f;
        for_each_kept(s, blocks, [&](std::int64_t value, int oc, int ic) {
          diff_src[at(token, s.IC, ic, l)] += args.values[value] * diff_dst[at(token, s.OC, oc, l)];
        });
      }
    }
  }
  if (pass != Conv2dPass::backward_weights) return;
  for (std::int64_t i = 0; i < blocks.count * blocks.size * blocks.size; ++i) args.diff_values[i] = 0.0f;
  for_each_kept(s, blocks, [&](std::int64_t value, int oc, int ic) {
    double total = 0.0;
    for (std::int64_t token = 0; token < tokens; ++token) {
      for (int l = 0; l < kLanes; ++l) {
        total += static_cast<double>(diff_dst[at(token, s.OC, oc, l)]) * src[at(token, s.IC, ic, l)];
      }
    }
    args.diff_values[value] = static_cast<float>(total);
  });
  for (int oc = 0; args.diff_bias != nullptr && oc < s.OC; ++oc) {
    double total = 0.0;
    for (std::int64_t token = 0; token < tokens; ++token) {
      for (int l = 0; l < kLanes; ++l) total += diff_dst[at(token, s.OC, oc, l)];
    }
    args.diff_bias[oc] = static_cast<float>(total);
  }
}

}  // namespace espalier::kernels::reference
