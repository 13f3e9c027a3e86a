// The tape. Each operation on tensors that require gradients records a node: what it read, and how to turn
// the gradient of its output into gradients of its inputs. There is no other graph: running the model builds
// it, backward() walks it once in reverse and lets go of it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier {

// Handed to an operation's backward function: the gradient of its output, and where gradients of its inputs
// go.
class Backward {
 public:
  Backward(Node& node, Tensor grad) : node_(node), grad_(std::move(grad)) {}

  // dL/doutput, of the output's shape, layout and type.
  const Tensor& grad() const { return grad_; }
  // Memory of grad()'s shape for the gradient of an input: grad()'s own when nothing else refers to it, so an
  // operation that works element by element overwrites it; otherwise fresh.
  Tensor grad_memory() const { return grad_.owns_storage_alone() ? grad_ : Tensor::empty_like(grad_); }
  // Does input i want a gradient? Skip the work when it does not.
  bool needs(int input) const;
  // What has arrived for input i from its other uses, if nothing else refers to that memory: an operation
  // that can add to it in place does so and gives it back. Undefined otherwise.
  Tensor take_sum(int input);
  // dL/dinput_i; adds up when the input is used in several places.
  void give(int input, Tensor gradient);

 private:
  Node& node_;
  Tensor grad_;
};

using BackwardFunction = std::function<void(Backward&)>;

// Where a gradient goes: to the node that produced the input, or into the grad() of a leaf. Only shapes are
// kept of the rest: an operation saves what its backward reads, nothing else stays alive.
struct Edge {
  std::shared_ptr<Node> node;  // null for a leaf
  Tensor leaf;                 // undefined unless a leaf that requires gradients
  Shape shape;
  Layout layout = Layout::plain;
  DType dtype = DType::f32;

  bool wanted() const { return node != nullptr || leaf.defined(); }
};

class Node {
 public:
  std::string_view op;                       // "conv2d"; a literal
  std::shared_ptr<const std::string> layer;  // the module that ran it: "layer1.0.conv1"; may be null
  std::uint64_t order = 0;                   // position on the tape: inputs come before outputs
  std::vector<Edge> inputs;
  BackwardFunction backward;
  Tensor pending;  // sum of the gradients that have arrived from the output's uses

  // "conv2d in layer1.0.conv1"
  std::string where() const;
};

// Is the tape on? (per thread; off inside NoGrad)
bool grad_enabled();

// Turns the tape off in a scope: evaluation, and arithmetic on parameters.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

// Names the module whose forward runs in a scope; nodes and errors carry it.
class LayerScope {
 public:
  explicit LayerScope(std::shared_ptr<const std::string> layer);
  ~LayerScope();
  LayerScope(const LayerScope&) = delete;
  LayerScope& operator=(const LayerScope&) = delete;

 private:
  std::shared_ptr<const std::string> before_;
};

// A number, whole or not, that says how an operation works on its inputs, beyond what their shapes tell:
// {"groups", 4}.
struct Attribute {
  template <class Number>
  Attribute(std::string_view of, Number number) : name(of), value(static_cast<double>(number)) {}

  std::string_view name;  // a literal
  double value;
};

// What a RecordObserver is shown.
struct RecordedOperation {
  std::string_view op;
  std::string_view layer;  // the module that runs it; empty when none does
  std::span<const Tensor> inputs;
  const Tensor& output;
  std::span<const Attribute> attributes;
};

// In a scope: sees every operation when it has computed, whether or not the tape is on. What the graph of a
// model is read from (framework/graph/). Per thread.
class RecordObserver {
 public:
  RecordObserver();
  virtual ~RecordObserver();
  RecordObserver(const RecordObserver&) = delete;
  RecordObserver& operator=(const RecordObserver&) = delete;

  virtual void recorded(const RecordedOperation& operation) = 0;

 private:
  RecordObserver* before_;
};

// Puts an operation on the tape, when it is on and an input requires gradients, and returns `output`.
// `backward` must not capture `output` itself (the tape would own itself): capture output.detach().
Tensor record(std::string_view op, std::initializer_list<Tensor> inputs, Tensor output,
              BackwardFunction backward, std::initializer_list<Attribute> attributes = {});
Tensor record(std::string_view op, const std::vector<Tensor>& inputs, Tensor output,
              BackwardFunction backward, std::initializer_list<Attribute> attributes = {});

// In a scope: every result on the tape and every gradient is searched for NaN and Inf, and the first one
// throws Error (not_finite) with its operation and layer. Slow; a training loop repeats a step under it once
// the loss has gone bad.
class DetectAnomaly {
 public:
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;

 private:
  bool before_;
};

}  // namespace espalier
