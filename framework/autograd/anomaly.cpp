#include "framework/autograd/anomaly.h"

#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"

namespace espalier {
namespace {

thread_local bool detecting = false;

}  // namespace

bool anomaly_detection() { return detecting; }

DetectAnomaly::DetectAnomaly() : before_(detecting) { detecting = true; }
DetectAnomaly::~DetectAnomaly() { detecting = before_; }

void throw_if_not_finite(const Tensor& tensor, std::string_view what, std::string_view op,
                         const std::string* layer) {
  if (!tensor.defined() || (tensor.dtype() != DType::f32 && tensor.dtype() != DType::bf16)) return;
  // Row-major and without padding, whose contents mean nothing.
  const std::vector<float> values = tensor.to_vector();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    fail(ErrorKind::not_finite, op, "{} of shape {} is {} at element {}{}{}", what, tensor.shape().str(),
         values[i], i, layer != nullptr && !layer->empty() ? ", in layer " : "",
         layer != nullptr ? *layer : "");
  }
}

}  // namespace espalier
