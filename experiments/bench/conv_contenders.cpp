#include "experiments/bench/conv_contenders.h"

#include <algorithm>

#include "framework/core/error.h"
#include "kernels/base/lanes.h"

#if defined(ESPALIER_WITH_ONEDNN)
#include "kernels/onednn/conv2d_plan.h"
#endif

namespace espalier::bench {

using kernels::Conv2dPass;
using kernels::Conv2dShape;

Tensor noise(std::int64_t floats) {
  Tensor tensor = Tensor::empty({floats});
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < floats; ++i) {
    state = state * 1664525u + 1013904223u;
    tensor.data()[i] = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  }
  return tensor;
}

Operands::Operands(const Conv2dShape& s)
    : src(noise(kernels::image_lanes(s.N, s.IC, std::int64_t{s.IH} * s.IW).floats())),
      weights(noise(std::int64_t{s.OC} * (s.IC / s.groups) * s.KH * s.KW)),
      dst(noise(kernels::image_lanes(s.N, s.OC, std::int64_t{s.OH()} * s.OW()).floats())),
      bias(noise(s.OC)) {}

Contender native_conv(const kernels::Conv2dKernel& kernel, const Conv2dShape& shape,
                      const std::shared_ptr<Operands>& operands) {
  Tensor scratch =
      Tensor::empty({static_cast<std::int64_t>(kernel.scratch_bytes(shape))}, Layout::plain, DType::u8);
  return {"native", kernel.name, [&kernel, shape, operands, scratch]() mutable {
            kernels::Conv2dArgs args;
            args.src = operands->src.data();
            args.weights = operands->weights.data();
            args.diff_dst = operands->dst.data();
            args.scratch = scratch.data<std::uint8_t>();
            switch (kernel.pass) {
              case Conv2dPass::forward:
                args.dst = operands->dst.data();
                break;
              case Conv2dPass::backward_data:
                args.diff_src = operands->src.data();
                break;
              case Conv2dPass::backward_weights:
                args.diff_weights = operands->weights.data();
                break;
            }
            kernel.run(shape, args);
          }};
}

#if defined(ESPALIER_WITH_ONEDNN)
Contender onednn_conv(const Conv2dShape& shape, Conv2dPass pass) {
  const kernels::onednn::Threads threads;
  auto plan = std::make_shared<kernels::onednn::Conv2dPlan>(shape, pass);
  const auto buffer = [](const dnnl::memory::desc& desc) {
    return noise(static_cast<std::int64_t>(desc.get_size() / sizeof(float) + 1));
  };
  return {"onednn", plan->implementation(),
          [plan, src = buffer(plan->src()), weights = buffer(plan->weights()), dst = buffer(plan->dst()),
           scratchpad = buffer(plan->scratchpad()), bias = noise(shape.OC)]() mutable {
            const kernels::onednn::Threads scope;
            plan->execute({src.data(), weights.data(), bias.data(), dst.data(), scratchpad.data()});
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
