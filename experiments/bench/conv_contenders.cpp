#include "experiments/bench/conv_contenders.h"

#include <algorithm>

#include "framework/core/error.h"

#if defined(ESPALIER_WITH_ONEDNN)
#include "kernels/onednn/conv2d_plan.h"
#endif

namespace espalier::bench {

using kernels::Conv2dPass;
using kernels::Conv2dShape;

Contender native_conv(const kernels::Conv2dKernel& kernel, const Conv2dShape& shape,
                      const tune::Operands& operands) {
  tune::Trial trial = tune::dense_trial(kernel, shape, operands);
  return {"native", std::move(trial.name), std::move(trial.run)};
}

#if defined(ESPALIER_WITH_ONEDNN)
Contender onednn_conv(const Conv2dShape& shape, Conv2dPass pass) {
  const kernels::onednn::Threads threads;
  auto plan = std::make_shared<kernels::onednn::Conv2dPlan>(shape, pass, false);
  const DType dtype = dtype_of(shape.element);
  const auto buffer = [dtype](const dnnl::memory::desc& desc) {
    return tune::noise(static_cast<std::int64_t>(desc.get_size() / size_bytes(dtype) + 1), dtype);
  };
  return {"onednn", plan->implementation(),
          [plan, src = buffer(plan->src()), weights = buffer(plan->weights()), dst = buffer(plan->dst()),
           scratchpad = buffer(plan->scratchpad())]() mutable {
            const kernels::onednn::Threads scope;
            plan->execute({.src = src.bytes(),
                           .weights = weights.bytes(),
                           .dst = dst.bytes(),
                           .scratchpad = scratchpad.bytes()});
          }};
}
#endif

bool wanted(const std::vector<std::string>& only, const std::string& text) {
  return std::all_of(only.begin(), only.end(),
                     [&](const std::string& word) { return text.find(word) != std::string::npos; });
}

void refuse_unknown(const std::vector<std::string>& only) {
  fail(ErrorKind::usage, "espalier bench",
       "no layer's shape, pass and backend have '{}'; words are parts of lines such as \"IC64 OC64 H32 K3 S1 "
       "forward native\"",
       fmt::join(only, " "));
}

}  // namespace espalier::bench
