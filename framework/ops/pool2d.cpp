#include "framework/ops/pool2d.h"

#include "framework/core/error.h"
#include "framework/ops/checks.h"

namespace espalier::ops {

kernels::PoolShape checked_pool_shape(const Tensor& x, const Pool2dOptions& o, const char* op) {
  check_activation(x, 4, op, "x", "[N, C, H, W]");
  check(o.kernel > 0 && o.kernel <= 256, op, "kernel expects 1 to 256, got {}", o.kernel);
  check(o.stride >= 0, op, "stride expects 1 or more (0: the kernel's size), got {}", o.stride);
  check(o.padding >= 0 && 2 * o.padding <= o.kernel, op, "padding expects at most half of kernel {}, got {}",
        o.kernel, o.padding);
  const int stride = o.stride == 0 ? o.kernel : o.stride;
  const kernels::PoolShape s{.N = x.dim(0),
                             .C = static_cast<int>(x.dim(1)),
                             .IH = static_cast<int>(x.dim(2)),
                             .IW = static_cast<int>(x.dim(3)),
                             .KH = o.kernel,
                             .KW = o.kernel,
                             .SH = stride,
                             .SW = stride,
                             .PH = o.padding,
                             .PW = o.padding};
  check(
      s.KH <= s.IH + 2 * s.PH && s.KW <= s.IW + 2 * s.PW, op,
      "the {0} x {0} kernel expects a plane at least as large, got {1} x {2} with padding; check whether the "
      "model is too deep for this image size",
      o.kernel, s.IH + 2 * s.PH, s.IW + 2 * s.PW);
  return s;
}

}  // namespace espalier::ops
