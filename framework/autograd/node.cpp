#include "framework/autograd/node.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <utility>

#include "framework/autograd/accumulate.h"
#include "framework/autograd/anomaly.h"
#include "framework/autograd/profile.h"
#include "framework/core/error.h"

namespace espalier {
namespace {

struct TapeState {
  bool enabled = true;
  std::shared_ptr<const std::string> layer;
  RecordObserver* observer = nullptr;
};

TapeState& tape() {
  thread_local TapeState state;
  return state;
}

// One count for all threads: what one thread makes, another may go on from.
std::uint64_t next_order() {
  static std::atomic<std::uint64_t> next = 0;
  return next.fetch_add(1, std::memory_order_relaxed);
}

Edge edge_to(const Tensor& input) {
  if (!input.defined()) return {};
  Edge edge{.node = input.node(),
            .leaf = {},
            .shape = input.shape(),
            .layout = input.layout(),
            .dtype = input.dtype()};
  if (edge.node == nullptr && input.requires_grad()) edge.leaf = input;
  return edge;
}

std::int64_t bytes_of(std::span<const Tensor> tensors) {
  std::int64_t bytes = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.defined())
      bytes += tensor.storage_elements() * static_cast<std::int64_t>(size_bytes(tensor.dtype()));
  }
  return bytes;
}

Tensor record_node(std::string_view op, std::span<const Tensor> inputs, Tensor output,
                   BackwardFunction backward, std::span<const Attribute> attributes) {
  if (Profile* profile = Profile::active()) profile->lap(op, bytes_of(inputs) + bytes_of({&output, 1}));
  const std::shared_ptr<const std::string>& layer = tape().layer;
  if (anomaly_detection()) throw_if_not_finite(output, "result", op, layer.get());
  if (RecordObserver* observer = tape().observer) {
    observer->recorded({op, layer != nullptr ? std::string_view(*layer) : "", inputs, output, attributes});
  }
  const bool wanted = std::any_of(inputs.begin(), inputs.end(),
                                  [](const Tensor& t) { return t.defined() && t.requires_grad(); });
  if (!wanted || !grad_enabled()) return output;
  auto node = std::make_shared<Node>();
  node->op = op;
  node->layer = layer;
  node->order = next_order();
  for (const Tensor& input : inputs) node->inputs.push_back(edge_to(input));
  node->backward = std::move(backward);
  output.set_node(std::move(node));
  return output;
}

}  // namespace

bool Backward::needs(int input) const { return node_.inputs[static_cast<std::size_t>(input)].wanted(); }

Tensor Backward::take_sum(int input) {
  const Edge& edge = node_.inputs[static_cast<std::size_t>(input)];
  if (edge.node == nullptr || !edge.node->pending.defined() || !edge.node->pending.owns_storage_alone()) {
    return {};
  }
  return std::exchange(edge.node->pending, {});
}

void Backward::give(int input, Tensor gradient) {
  if (!needs(input)) return;
  Edge& target = node_.inputs[static_cast<std::size_t>(input)];
  if (anomaly_detection()) throw_if_not_finite(gradient, "gradient", node_.op, node_.layer.get());
  check(gradient.shape() == target.shape && gradient.layout() == target.layout, node_.op,
        "the gradient of input {} has shape {}, the input has {}", input, gradient.shape().str(),
        target.shape.str());
  check(gradient.dtype() == target.dtype, node_.op, "the gradient of input {} is {}, the input is {}", input,
        dtype_name(gradient.dtype()), dtype_name(target.dtype));
  if (target.node != nullptr) {
    accumulate(target.node->pending, std::move(gradient));
  } else {
    Tensor sum = target.leaf.grad();
    target.leaf.set_grad({});
    accumulate(sum, std::move(gradient));
    target.leaf.set_grad(std::move(sum));
  }
}

std::string Node::where() const {
  std::string text(op);
  if (layer != nullptr && !layer->empty()) text += " in " + *layer;
  return text;
}

bool grad_enabled() { return tape().enabled; }

NoGrad::NoGrad() : before_(tape().enabled) { tape().enabled = false; }
NoGrad::~NoGrad() { tape().enabled = before_; }

LayerScope::LayerScope(std::shared_ptr<const std::string> layer) : before_(std::move(tape().layer)) {
  tape().layer = std::move(layer);
}
LayerScope::~LayerScope() { tape().layer = std::move(before_); }

RecordObserver::RecordObserver() : before_(tape().observer) { tape().observer = this; }
RecordObserver::~RecordObserver() { tape().observer = before_; }

Tensor record(std::string_view op, std::initializer_list<Tensor> inputs, Tensor output,
              BackwardFunction backward, std::initializer_list<Attribute> attributes) {
  return record_node(op, {inputs.begin(), inputs.size()}, std::move(output), std::move(backward),
                     {attributes.begin(), attributes.size()});
}

Tensor record(std::string_view op, const std::vector<Tensor>& inputs, Tensor output,
              BackwardFunction backward, std::initializer_list<Attribute> attributes) {
  return record_node(op, inputs, std::move(output), std::move(backward),
                     {attributes.begin(), attributes.size()});
}

}  // namespace espalier
