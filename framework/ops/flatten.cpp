#include "framework/ops/flatten.h"

#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/reshape.h"

namespace espalier::ops {

Tensor flatten(const Tensor& x) {
  check(x.defined() && x.rank() >= 1 && x.dim(0) > 0, "flatten", "x expects a batch [N, ...], got {}",
        describe(x));
  return reshape(x, {x.dim(0), x.numel() / x.dim(0)});
}

}  // namespace espalier::ops
