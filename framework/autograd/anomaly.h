// The search for the first NaN or Inf; switched on by DetectAnomaly (node.h).
#pragma once

#include <string>
#include <string_view>

#include "framework/tensor/tensor.h"

namespace espalier {

bool anomaly_detection();

// Throws Error (not_finite) naming the operation and layer when `tensor` holds NaN or Inf.
void throw_if_not_finite(const Tensor& tensor, std::string_view what, std::string_view op,
                         const std::string* layer);

}  // namespace espalier
