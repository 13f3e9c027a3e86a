#include "framework/autograd/accumulate.h"

#include <utility>

#include "framework/tensor/element.h"
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
  with_element(sum.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().add(sum.data<T>(), gradient.data<T>(), target.data<T>(), sum.storage_elements());
  });
  sum = std::move(target);
}

}  // namespace espalier
