#include "framework/infer/lower.h"

#include <cmath>
#include <functional>
#include <utility>

#include "framework/core/error.h"

namespace espalier::infer {
namespace {

using graph::Operation;

class Lowering {
 public:
  explicit Lowering(const graph::Graph& graph) : graph_(graph) {
    value_of_.assign(graph.values.size(), -1);
    uses_.assign(graph.values.size(), 0);
    for (const Operation& operation : graph.operations) {
      for (int input : operation.inputs) {
        if (input >= 0) ++uses(input);
      }
    }
    ++uses(graph.output);
  }

  Network run() {
    network_.input = make_value(graph_.input);
    for (const Operation& operation : graph_.operations) lower(operation);
    check(value_of(graph_.output) >= 0, "infer",
          "what the model returns is computed by none of its operations");
    network_.output = value_of(graph_.output);
    return std::move(network_);
  }

 private:
  struct Rule {
    const char* op;
    void (Lowering::*lower)(const Operation&);
  };

  int& uses(int value) { return uses_[static_cast<std::size_t>(value)]; }
  int& value_of(int value) { return value_of_[static_cast<std::size_t>(value)]; }
  const graph::Value& traced(int value) const { return graph_.values[static_cast<std::size_t>(value)]; }
  Features& features(int value) { return network_.values[static_cast<std::size_t>(value)]; }

  void lower(const Operation& operation) {
    static constexpr Rule kRules[] = {
        {"conv2d", &Lowering::convolution},
        {"batch_norm", &Lowering::batch_norm},
        {"relu", &Lowering::relu},
        {"add", &Lowering::add},
        {"max_pool2d", &Lowering::pool},
        {"avg_pool2d", &Lowering::pool},
        {"global_avg_pool", &Lowering::global_average},
        {"linear", &Lowering::linear},
        {"reshape", &Lowering::reshape},
        {"subsample", &Lowering::subsample},
    };
    std::string known;
    for (const Rule& rule : kRules) {
      if (operation.op == rule.op) return (this->*rule.lower)(operation);
      known.append(known.empty() ? "" : ", ").append(rule.op);
    }
    fail(ErrorKind::failure, "infer", "the operation '{}' cannot be compiled for inference (it knows {})",
         operation.where(), known);
  }

  // The network's value for a traced one that this operation computes.
  int make_value(int value) {
    const Shape& shape = traced(value).shape;
    check(traced(value).activation && (shape.rank() == 2 || shape.rank() == 4), "infer",
          "only images [N, C, H, W] and features [N, F] can be compiled, got {}", shape.str());
    Features made{.C = static_cast<int>(shape[1])};
    if (shape.rank() == 4) made.H = static_cast<int>(shape[2]), made.W = static_cast<int>(shape[3]);
    network_.values.push_back(made);
    return value_of(value) = static_cast<int>(network_.values.size()) - 1;
  }

  // Argument i of an operation as a value of the network.
  int argument(const Operation& operation, std::size_t i) {
    const int value = operation.inputs[i];
    check(value >= 0 && value_of(value) >= 0, "infer",
          "argument {} of {} is no activation that the model's operations compute", i, operation.where());
    return value_of(value);
  }

  // Argument i as a parameter or buffer; empty when it was left out.
  std::vector<float> constant(const Operation& operation, std::size_t i) {
    const int value = operation.inputs[i];
    if (value < 0) return {};
    const graph::Value& of = traced(value);
    check(of.parameter != nullptr || of.buffer != nullptr, "infer",
          "argument {} of {} is neither parameter nor buffer of the model", i, operation.where());
    return (of.parameter != nullptr ? of.parameter->value : of.buffer->value).to_vector();
  }

  // The layer that computes a traced value, when nobody else reads that and no ReLU ends it: what reads it
  // may join the layer. Null: there is none.
  Layer* sole_producer(int value) {
    if (uses(value) != 1) return nullptr;
    for (Layer& layer : network_.layers) {
      if (layer.output == value_of(value)) return layer.relu ? nullptr : &layer;
    }
    return nullptr;
  }

  Layer& push(Layer layer, const Operation& operation) {
    layer.name = operation.where();
    layer.output = make_value(operation.output);
    network_.layers.push_back(std::move(layer));
    return network_.layers.back();
  }

  // Lets an operation join the layer that computes its input. The layer moves to the end: a residual that it
  // takes in has been computed by then.
  Layer& join(Layer& layer, const Operation& operation) {
    Layer joined = std::move(layer);
    network_.layers.erase(network_.layers.begin() + (&layer - network_.layers.data()));
    joined.name.append(", ").append(operation.where());
    value_of(operation.output) = joined.output;
    network_.layers.push_back(std::move(joined));
    return network_.layers.back();
  }

  void convolution(const Operation& operation) {
    const auto number = [&](const char* name) { return static_cast<int>(operation.attributes.at(name)); };
    const int input = argument(operation, 0);
    const Shape& weight = traced(operation.inputs[1]).shape;
    push({.kind = LayerKind::convolution,
          .name = {},
          .input = input,
          .window = {.KH = static_cast<int>(weight[2]),
                     .KW = static_cast<int>(weight[3]),
                     .SH = number("stride_h"),
                     .SW = number("stride_w"),
                     .PH = number("padding_h"),
                     .PW = number("padding_w")},
          .groups = number("groups"),
          .weights = constant(operation, 1),
          .bias = constant(operation, 2)},
         operation);
  }

  // y = scale * x + shift. Into the convolution before it: its weights times scale, its bias too, plus shift.
  void batch_norm(const Operation& operation) {
    const std::vector<float> gamma = constant(operation, 1), beta = constant(operation, 2);
    const std::vector<float> mean = constant(operation, 4), variance = constant(operation, 5);
    const double eps = operation.attributes.at("eps");
    std::vector<double> scale(gamma.size()), shift(gamma.size());
    for (std::size_t c = 0; c < gamma.size(); ++c) {
      scale[c] = gamma[c] / std::sqrt(variance[c] + eps);
      shift[c] = beta[c] - mean[c] * scale[c];
    }
    const int residual = operation.inputs[3] < 0 ? -1 : argument(operation, 3);
    const int input = argument(operation, 0);
    Layer* before = sole_producer(operation.inputs[0]);
    const bool folds = before != nullptr && before->kind == LayerKind::convolution && before->second < 0;
    Layer& layer = folds ? join(*before, operation)
                         : push({.kind = LayerKind::affine, .name = {}, .input = input}, operation);
    if (!folds) {
      layer.weights.assign(scale.begin(), scale.end());
      layer.bias.assign(shift.begin(), shift.end());
    } else {
      const std::size_t of_channel = layer.weights.size() / scale.size();
      layer.bias.resize(scale.size(), 0.0f);
      for (std::size_t c = 0; c < scale.size(); ++c) {
        for (std::size_t i = c * of_channel; i < (c + 1) * of_channel; ++i) {
          layer.weights[i] = static_cast<float>(layer.weights[i] * scale[c]);
        }
        layer.bias[c] = static_cast<float>(layer.bias[c] * scale[c] + shift[c]);
      }
    }
    layer.second = residual;
    layer.relu = operation.attributes.at("relu") != 0.0;
  }

  void relu(const Operation& operation) {
    const int input = argument(operation, 0);
    Layer* before = sole_producer(operation.inputs[0]);
    const bool joins =
        before != nullptr && (before->kind == LayerKind::convolution || before->kind == LayerKind::linear ||
                              before->kind == LayerKind::affine || before->kind == LayerKind::add);
    if (joins) {
      join(*before, operation).relu = true;
    } else {
      push({.kind = LayerKind::relu, .name = {}, .input = input}, operation);
    }
  }

  void add(const Operation& operation) {
    const int a = argument(operation, 0), b = argument(operation, 1);
    check(traced(operation.inputs[0]).shape == traced(operation.inputs[1]).shape, "infer",
          "{} adds {} and {}: only equal shapes can be compiled", operation.where(),
          traced(operation.inputs[0]).shape.str(), traced(operation.inputs[1]).shape.str());
    for (std::size_t i = 0; i < 2; ++i) {
      Layer* before = sole_producer(operation.inputs[i]);
      if (before == nullptr || before->second >= 0) continue;
      if (before->kind != LayerKind::convolution && before->kind != LayerKind::affine) continue;
      join(*before, operation).second = i == 0 ? b : a;
      return;
    }
    push({.kind = LayerKind::add, .name = {}, .input = a, .second = b}, operation);
  }

  void pool(const Operation& operation) {
    const auto number = [&](const char* name) { return static_cast<int>(operation.attributes.at(name)); };
    const int kernel = number("kernel"), stride = number("stride"), padding = number("padding");
    push({.kind = operation.op == "max_pool2d" ? LayerKind::max_pool : LayerKind::average_pool,
          .name = {},
          .input = argument(operation, 0),
          .window = {kernel, kernel, stride, stride, padding, padding}},
         operation);
  }

  void global_average(const Operation& operation) {
    push({.kind = LayerKind::global_average, .name = {}, .input = argument(operation, 0)}, operation);
  }

  void linear(const Operation& operation) {
    push({.kind = LayerKind::linear,
          .name = {},
          .input = argument(operation, 0),
          .weights = constant(operation, 1),
          .bias = constant(operation, 2)},
         operation);
  }

  // To features, or nothing at all.
  void reshape(const Operation& operation) {
    const int input = argument(operation, 0);
    const Shape &from = traced(operation.inputs[0]).shape, &to = traced(operation.output).shape;
    const bool same = to == from || (to.rank() == 2 && features(input).count() == features(input).C);
    if (same) {
      uses(operation.output) += uses(operation.inputs[0]) - 1;
      value_of(operation.output) = input;
      return;
    }
    check(to.rank() == 2, "infer", "{} goes from {} to {}: only to features [N, F] can be compiled",
          operation.where(), from.str(), to.str());
    push({.kind = LayerKind::flatten, .name = {}, .input = input}, operation);
  }

  void subsample(const Operation& operation) {
    const int stride = static_cast<int>(operation.attributes.at("stride"));
    push({.kind = LayerKind::subsample,
          .name = {},
          .input = argument(operation, 0),
          .window = {.SH = stride, .SW = stride}},
         operation);
  }

  const graph::Graph& graph_;
  Network network_;
  std::vector<int> value_of_;  // [values of the graph] the network's; -1: none
  std::vector<int> uses_;      // [values of the graph]
};

}  // namespace

Network lower(const graph::Graph& graph) { return Lowering(graph).run(); }

}  // namespace espalier::infer
