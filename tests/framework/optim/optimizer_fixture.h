// Parameters of awkward sizes, some of them masked, with gradients drawn for each step; and the comparison of
// an optimizer with its textbook formula in double.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/core/random.h"
#include "framework/optim/optimizer.h"
#include "tests/support/gradient_check.h"
#include "tests/support/keep_largest.h"

namespace espalier::testing {

class OptimizerFixture {
 public:
  OptimizerFixture() {
    add("a.weight", {150, 130}, nn::ParameterKind::weight, true);  // larger than one slice
    add("b.weight", {7, 5, 3, 3}, nn::ParameterKind::weight, true);
    add("b.bias", {7}, nn::ParameterKind::bias, false);
    add("c.weight", {1}, nn::ParameterKind::norm, false);
    add("d.weight", {16, 2}, nn::ParameterKind::weight, false);
  }

  std::vector<nn::Parameter*> parameters() {
    std::vector<nn::Parameter*> all;
    for (const auto& parameter : owned_) all.push_back(parameter.get());
    return all;
  }

  // Gradients of step `step`, for pruned weights too.
  void draw_gradients(std::int64_t step) {
    for (std::size_t p = 0; p < owned_.size(); ++p) {
      const auto seed = static_cast<std::uint64_t>(step) * 100 + p;
      owned_[p]->value.set_grad(random_tensor(owned_[p]->value.shape(), Layout::plain, seed));
    }
  }

 private:
  void add(const std::string& name, const Shape& shape, nn::ParameterKind kind, bool masked) {
    auto parameter = std::make_unique<nn::Parameter>();
    parameter->name = name;
    parameter->kind = kind;
    parameter->value = random_tensor(shape, Layout::plain, owned_.size() + 1);
    parameter->value.set_requires_grad();
    if (masked) {
      parameter->mask = Mask::ones(shape);
      Random random(3, name);
      for (std::int64_t i = 0; i < shape.numel(); ++i) {
        parameter->mask.data()[i] = static_cast<std::uint8_t>(random.below(2));
      }
      parameter->mask.apply_(parameter->value);
    }
    owned_.push_back(std::move(parameter));
  }

  std::vector<std::unique_ptr<nn::Parameter>> owned_;
};

// A weight and its moments in the textbook.
struct TextbookWeight {
  double w = 0.0, m = 0.0, v = 0.0;
};
// One step, counted from 1, of a kept weight with gradient g.
using TextbookStep =
    std::function<void(TextbookWeight&, double g, std::int64_t step, const nn::Parameter& parameter)>;

// Runs both and compares every weight after every step: to `tolerance`, which is for weights of order 1.
inline void check_against_textbook(OptimizerFixture& fixture, optim::Optimizer& optimizer,
                                   const TextbookStep& textbook, float tolerance, std::int64_t steps = 6) {
  const std::vector<nn::Parameter*> parameters = fixture.parameters();
  std::vector<std::vector<TextbookWeight>> expected;
  for (const nn::Parameter* parameter : parameters) {
    expected.emplace_back();
    for (float w : parameter->value.to_vector()) expected.back().push_back({.w = double{w}});
  }
  for (std::int64_t step = 1; step <= steps; ++step) {
    CAPTURE(step);
    fixture.draw_gradients(step);
    optimizer.step();
    CHECK(optimizer.steps() == step);
    CHECK_NOTHROW(optimizer.check_masks());
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      const nn::Parameter& parameter = *parameters[p];
      double largest_error = 0.0;
      for (std::int64_t i = 0; i < parameter.value.numel(); ++i) {
        TextbookWeight& weight = expected[p][static_cast<std::size_t>(i)];
        if (parameter.mask.dense() || parameter.mask.data()[i] != 0) {
          textbook(weight, double{parameter.grad().data()[i]}, step, parameter);
        }
        keep_largest(largest_error, std::abs(weight.w - double{parameter.value.data()[i]}));
      }
      CAPTURE(parameter.name);
      CHECK(largest_error <= double{tolerance});
    }
  }
}

}  // namespace espalier::testing
