// A few parameters with random values, as a model would own them.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <vector>

#include "framework/core/random.h"
#include "framework/nn/parameter.h"

namespace espalier::testing {

class Parameters {
 public:
  nn::Parameter& add(const std::string& name, const Shape& shape, float scale = 1.0f,
                     nn::ParameterKind kind = nn::ParameterKind::weight) {
    owned_.push_back({.name = name, .kind = kind, .value = Tensor::empty(shape), .mask = {}});
    nn::Parameter& p = owned_.back();
    p.value.set_requires_grad();
    Random random(1, name);
    for (std::int64_t i = 0; i < shape.numel(); ++i) p.value.data()[i] = scale * random.normal();
    list_.push_back(&p);
    return p;
  }
  std::span<nn::Parameter* const> list() const { return list_; }
  const std::vector<nn::Parameter*>& all() const { return list_; }

  // Gradients of step `step`.
  void draw_gradients(std::int64_t step) {
    for (nn::Parameter* p : list_) {
      Random random(2, p->name, static_cast<std::uint64_t>(step));
      Tensor gradient = Tensor::empty(p->value.shape());
      for (std::int64_t i = 0; i < gradient.numel(); ++i) gradient.data()[i] = random.normal();
      p->value.set_grad(gradient);
    }
  }

 private:
  std::deque<nn::Parameter> owned_;
  std::vector<nn::Parameter*> list_;
};

}  // namespace espalier::testing
