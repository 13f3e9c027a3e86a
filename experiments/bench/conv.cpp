#include "experiments/bench/conv.h"

#include "experiments/bench/conv_contenders.h"
#include "experiments/bench/timing.h"
#include "framework/tune/layer_shape.h"
#include "kernels/base/dispatch.h"

namespace espalier::bench {
namespace {

using kernels::Conv2dPass;
using kernels::Conv2dShape;

std::vector<Contender> contenders_of(const ConvBenchOptions& options, const ConvLayer& layer,
                                     Conv2dPass pass) {
  const std::string what = layer.name() + " " + tune::pass_name(pass) + " ";
  const tune::Operands operands(layer.shape);
  std::vector<Contender> contenders;
  if (wanted(options.only, what + "native")) {
    const kernels::Conv2dKernel& chosen = kernels::select_conv2d(layer.shape, pass);
    contenders.push_back(native_conv(chosen, layer.shape, operands));
    for (const kernels::Conv2dKernel* kernel : kernels::conv2d_kernels()) {
      const bool runs =
          kernel->pass == pass && kernels::isa_supported(kernel->isa) && kernel->supports(layer.shape);
      if (options.every_kernel && runs && kernel != &chosen)
        contenders.push_back(native_conv(*kernel, layer.shape, operands));
    }
  }
#if defined(ESPALIER_WITH_ONEDNN)
  if (wanted(options.only, what + "onednn")) contenders.push_back(onednn_conv(layer.shape, pass));
#endif
  return contenders;
}

}  // namespace

void run_conv_bench(const ConvBenchOptions& options,
                    const std::function<void(const std::vector<ConvTime>&)>& report) {
  bool any = false;
  for (const ConvLayer& layer : conv_layers(options.batch, options.element)) {
    for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
      if (pass == Conv2dPass::backward_data && !layer.has_backward_data()) continue;
      const std::vector<Contender> contenders = contenders_of(options, layer, pass);
      if (contenders.empty()) continue;
      any = true;
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
  if (!any) refuse_unknown(options.only);
}

}  // namespace espalier::bench
