#include "framework/ops/mean.h"

#include "framework/ops/scale.h"
#include "framework/ops/sum.h"

namespace espalier::ops {
namespace {

// Sums divided by how many elements went into each.
Tensor divide(const Tensor& sums, const Tensor& x) {
  return scale(sums, static_cast<float>(static_cast<double>(sums.numel()) / static_cast<double>(x.numel())));
}

}  // namespace

Tensor mean(const Tensor& x) { return divide(sum(x), x); }

Tensor mean(const Tensor& x, const std::vector<int>& dimensions, bool keepdim) {
  return divide(sum(x, dimensions, keepdim), x);
}

}  // namespace espalier::ops
