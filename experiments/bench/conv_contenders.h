// What takes part in a race over one convolution.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/tune/trials.h"
#include "kernels/conv2d/conv2d.h"

namespace espalier::bench {

struct Contender {
  std::string backend, kernel;
  std::function<void()> run;  // owns its buffers
};

Contender native_conv(const kernels::Conv2dKernel& kernel, const kernels::Conv2dShape& shape,
                      const tune::Operands& operands);

#if defined(ESPALIER_WITH_ONEDNN)
// In the layouts that it likes best, with its own buffers; without a bias, as the native kernels are run.
Contender onednn_conv(const kernels::Conv2dShape& shape, kernels::Conv2dPass pass);
#endif

// Does `text` contain every word of `only`?
bool wanted(const std::vector<std::string>& only, const std::string& text);
// Throws Error (usage): no layer has all of these words.
[[noreturn]] void refuse_unknown(const std::vector<std::string>& only);

}  // namespace espalier::bench
