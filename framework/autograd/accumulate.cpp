#include "framework/autograd/accumulate.h"

#include <utility>

#include "kernels/eltwise/eltwise.h"

namespace espalier {

void accumulate(Tensor& sum, Tensor gradient) {
  if (!sum.defined()) {
    sum = std::move(gradient);
    return;
  }
  Tensor target = sum.owns_storage_alone()        ? sum
                  : gradient.owns_storage_alone() ? gradient
                                                  : Tensor::empty_like(sum);
  kernels::eltwise().add(sum.data(), gradient.data(), target.data(), sum.storage_elements());
  sum = std::move(target);
}

}  // namespace espalier
