#include "experiments/bench/conv.h"

#include <algorithm>
#include <memory>

#include "experiments/bench/timing.h"
#include "framework/tensor/tensor.h"
#include "kernels/base/dispatch.h"
#include "kernels/base/lanes.h"

#if defined(ESPALIER_WITH_ONEDNN)
#include "kernels/onednn/conv2d_plan.h"
#endif

namespace espalier::bench {
namespace {

using kernels::Conv2dPass;
using kernels::Conv2dShape;

struct Contender {
  std::string backend, kernel;
  std::function<void()> run;  // owns its buffers
};

// Small numbers of both signs: zeros and denormals would be another speed.
Tensor noise(std::int64_t floats) {
  Tensor tensor = Tensor::empty({floats});
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < floats; ++i) {
    state = state * 1664525u + 1013904223u;
    tensor.data()[i] = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  }
  return tensor;
}

// The operands of all passes, in lanes.
struct Operands {
  Tensor src, weights, dst, bias;

  explicit Operands(const Conv2dShape& s)
      : src(noise(kernels::image_lanes(s.N, s.IC, std::int64_t{s.IH} * s.IW).floats())),
        weights(noise(std::int64_t{s.OC} * (s.IC / s.groups) * s.KH * s.KW)),
        dst(noise(kernels::image_lanes(s.N, s.OC, std::int64_t{s.OH()} * s.OW()).floats())),
        bias(noise(s.OC)) {}
};

Contender native(const kernels::Conv2dKernel& kernel, const Conv2dShape& shape,
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
Contender onednn(const Conv2dShape& shape, Conv2dPass pass) {
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

std::vector<Contender> contenders_of(const ConvBenchOptions& options, const ConvLayer& layer,
                                     Conv2dPass pass) {
  const std::string what = layer.name() + " " + pass_name(pass) + " ";
  const auto operands = std::make_shared<Operands>(layer.shape);
  std::vector<Contender> contenders;
  if (wanted(options.only, what + "native")) {
    const kernels::Conv2dKernel& chosen = kernels::select_conv2d(layer.shape, pass);
    contenders.push_back(native(chosen, layer.shape, operands));
    for (const kernels::Conv2dKernel* kernel : kernels::conv2d_kernels()) {
      const bool runs =
          kernel->pass == pass && kernels::isa_supported(kernel->isa) && kernel->supports(layer.shape);
      if (options.every_kernel && runs && kernel != &chosen)
        contenders.push_back(native(*kernel, layer.shape, operands));
    }
  }
#if defined(ESPALIER_WITH_ONEDNN)
  if (wanted(options.only, what + "onednn")) contenders.push_back(onednn(layer.shape, pass));
#endif
  return contenders;
}

}  // namespace

void run_conv_bench(const ConvBenchOptions& options,
                    const std::function<void(const std::vector<ConvTime>&)>& report) {
  for (const ConvLayer& layer : conv_layers(options.batch)) {
    for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
      if (pass == Conv2dPass::backward_data && !layer.has_backward_data()) continue;
      const std::vector<Contender> contenders = contenders_of(options, layer, pass);
      if (contenders.empty()) continue;
      std::vector<std::function<void()>> runs;
      for (const Contender& contender : contenders) runs.push_back(contender.run);
      const std::vector<double> seconds = race(runs, options.rounds, options.round_seconds);
      std::vector<ConvTime> times;
      for (std::size_t i = 0; i < contenders.size(); ++i) {
        times.push_back({&layer, pass, contenders[i].backend, contenders[i].kernel, seconds[i],
                         2e-9 * layer.shape.macs() / seconds[i]});
      }
      report(times);
    }
  }
}

}  // namespace espalier::bench
