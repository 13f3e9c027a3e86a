#include "framework/ops/sparse_passes.h"

#include "framework/core/error.h"

namespace espalier::ops {

void SparsePasses::check_for(const Tensor& weight, std::string_view op) const {
  if (!any()) return;
  check(pattern != nullptr && pattern->shape() == weight.shape(), op,
        "sparse passes expect a pattern of the weight's shape {}, got {}", weight.shape().str(),
        pattern == nullptr ? "none" : pattern->shape().str());
}

}  // namespace espalier::ops
