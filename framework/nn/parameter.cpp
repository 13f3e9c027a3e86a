#include "framework/nn/parameter.h"

#include <utility>

#include "framework/autograd/accumulate.h"
#include "framework/tensor/sparse/sparse_pattern.h"

namespace espalier::nn {

void KeptValues::put_away(Tensor& weight) const {
  weight.put_away([pattern = pattern, values = values.detach()](void* elements) {
    pattern->scatter(values, static_cast<float*>(elements));
  });
}

Tensor Parameter::grad() const {
  if (!kept.has_gradient()) return value.grad();
  Tensor sum = kept.pattern->scatter(kept.values.grad());
  if (value.grad().defined()) accumulate(sum, value.grad());
  return sum;
}

void Parameter::make_gradient_whole() {
  if (!kept.has_gradient()) return;
  value.set_grad(grad());
  kept.values.set_grad({});
}

void Parameter::zero_grad() {
  value.set_grad({});
  if (kept.values.defined()) kept.values.set_grad({});
}

}  // namespace espalier::nn
