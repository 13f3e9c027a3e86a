#include "kernels/conv2d/conv2d.h"

#include "kernels/base/dispatch.h"

namespace espalier::kernels {

#define ESPALIER_CONV2D(kernel) extern const Conv2dKernel kernel;
#include "kernels/conv2d/kernels.inc"
#undef ESPALIER_CONV2D

const std::vector<const Conv2dKernel*>& conv2d_kernels() {
#define ESPALIER_CONV2D(kernel) &kernel,
  static const std::vector<const Conv2dKernel*> rows = {
#include "kernels/conv2d/kernels.inc"
  };
#undef ESPALIER_CONV2D
  return rows;
}

const Conv2dKernel& select_conv2d(const Conv2dShape& shape, Conv2dPass pass) {
  const std::vector<const Conv2dKernel*>& rows = conv2d_kernels();
  const Conv2dKernel* last = nullptr;  // the portable kernel of this pass, which supports every shape
  for (const Conv2dKernel* row : rows) {
    if (row->pass != pass) continue;
    last = row;
    if (isa_eligible(row->isa) && row->supports(shape)) return *row;
  }
  return *last;
}

}  // namespace espalier::kernels
