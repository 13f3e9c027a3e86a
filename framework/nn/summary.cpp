#include "framework/nn/summary.h"

#include <map>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/evaluation_mode.h"
#include "framework/tune/tuner.h"

namespace espalier::nn {
namespace {

// Notes the shape and work of every call.
class CallRecorder : public CallObserver {
 public:
  struct Call {
    Shape output;                                           // with the batch
    std::int64_t uses_per_weight = 0, activation_macs = 0;  // of all calls
  };

  void called(Module& module, const Tensor& x, const Tensor& y) override {
    Call& call = calls[&module];
    call.output = y.shape();
    call.uses_per_weight += module.uses_per_weight(x.shape(), y.shape());
    call.activation_macs += module.activation_macs(x.shape());
  }

  std::map<const Module*, Call> calls;
};

void add(LayerSummary& total, const LayerSummary& layer) {
  total.parameters += layer.parameters;
  total.nonzeros += layer.nonzeros;
  total.macs += layer.macs;
  total.effective_macs += layer.effective_macs;
}

}  // namespace

ModelSummary summary(Module& model, const Shape& image) {
  check(image.rank() == 3, "summary", "expected the shape of an image, [C, H, W], got {}", image.str());
  const NoGrad off;
  const tune::UseTuner fixed(nullptr);  // one image is not worth a measurement
  const EvaluationMode mode(model);
  CallRecorder recorder;
  model(Tensor::zeros({1, image[0], image[1], image[2]}, Layout::lanes));

  ModelSummary result;
  for (Module* module : model.modules()) {
    const std::vector<Parameter*> parameters = module->own_parameters();
    const CallRecorder::Call call = recorder.calls[module];
    if (parameters.empty() && call.activation_macs == 0) continue;
    LayerSummary layer = {.name = module->path(),
                          .type = module->type_name(),
                          .output = call.output.rank() > 0 ? call.output.without(0) : Shape(),
                          .macs = call.activation_macs,
                          .effective_macs = call.activation_macs};
    for (const Parameter* parameter : parameters) {
      const std::int64_t uses = parameter->kind == ParameterKind::weight ? call.uses_per_weight : 0;
      layer.parameters += parameter->value.numel();
      layer.nonzeros += parameter->nonzeros();
      layer.macs += uses * parameter->value.numel();
      layer.effective_macs += uses * parameter->nonzeros();
    }
    add(result.total, layer);
    result.layers.push_back(std::move(layer));
  }
  result.total.name = "total";
  return result;
}

}  // namespace espalier::nn
