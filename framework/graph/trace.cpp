#include <unordered_map>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/graph/graph.h"
#include "framework/nn/evaluation_mode.h"
#include "framework/ops/strided.h"
#include "framework/tensor/lanes.h"
#include "framework/tune/tuner.h"

namespace espalier::graph {
namespace {

Tensor random_image(const Shape& image) {
  Tensor batch = Tensor::empty({1, image[0], image[1], image[2]});
  Random random(0, "trace");
  for (std::int64_t i = 0; i < batch.numel(); ++i) batch.data()[i] = random.normal();
  return to_lanes(batch);
}

// Each channel of a tensor in lanes, at the first image's first pixel or token.
std::vector<float> sample_of(const Tensor& tensor, const Value& value) {
  const ops::Strided layout = ops::strided(tensor.shape(), Layout::lanes);
  const std::int64_t stride =
      layout.stride[static_cast<std::size_t>(value.channel_dimension())] * layout.width;
  std::vector<float> sample;
  for (std::int64_t c = 0; c < value.channels(); ++c) sample.push_back(tensor.data()[c * stride]);
  return sample;
}

class Tracer : public RecordObserver {
 public:
  explicit Tracer(nn::Module& model) {
    for (nn::Parameter* parameter : model.parameters())
      graph_.values[static_cast<std::size_t>(add(parameter->value))].parameter = parameter;
    for (nn::Buffer* buffer : model.buffers())
      graph_.values[static_cast<std::size_t>(add(buffer->value))].buffer = buffer;
  }

  void recorded(const RecordedOperation& recorded) override {
    Operation operation{.op = std::string(recorded.op),
                        .layer = std::string(recorded.layer),
                        .inputs = {},
                        .output = -1,
                        .attributes = {}};
    for (const Tensor& input : recorded.inputs)
      operation.inputs.push_back(input.defined() ? value_of(input) : -1);
    operation.output = value_of(recorded.output);
    for (const Attribute& attribute : recorded.attributes)
      operation.attributes[std::string(attribute.name)] = attribute.value;
    graph_.values[static_cast<std::size_t>(operation.output)].maker =
        static_cast<int>(graph_.operations.size());
    graph_.operations.push_back(std::move(operation));
  }

  // The value that a tensor is; a new one when it was not seen before.
  int value_of(const Tensor& tensor) {
    const auto found = values_.find(tensor.id());
    return found != values_.end() ? found->second : add(tensor);
  }

  Graph finish(const Tensor& input, const Tensor& output) {
    graph_.input = value_of(input);
    graph_.output = value_of(output);
    return std::move(graph_);
  }

 private:
  int add(const Tensor& tensor) {
    const int index = static_cast<int>(graph_.values.size());
    Value value{.shape = tensor.shape(), .activation = tensor.is_lanes() && tensor.rank() > 1, .sample = {}};
    if (value.activation) value.sample = sample_of(tensor, value);
    graph_.values.push_back(std::move(value));
    values_[tensor.id()] = index;
    tensors_.push_back(tensor);
    return index;
  }

  Graph graph_;
  std::unordered_map<const void*, int> values_;
  std::vector<Tensor> tensors_;  // kept, so that no two have the same identity
};

}  // namespace

std::string Operation::where() const { return layer.empty() ? op : op + " in " + layer; }

Graph trace(nn::Module& model, const Shape& image) {
  check(image.rank() == 3, "trace", "expected the shape of an image, [C, H, W], got {}", image.str());
  const NoGrad off;
  const tune::UseTuner fixed(nullptr);  // one image is not worth a measurement
  const nn::EvaluationMode mode(model);
  Tracer tracer(model);
  const Tensor input = random_image(image);
  const Tensor output = model(input);
  return tracer.finish(input, output);
}

}  // namespace espalier::graph
