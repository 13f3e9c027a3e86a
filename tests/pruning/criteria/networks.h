// Networks that criteria are measured on, one of them small enough to be computed by hand.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "framework/nn/init.h"
#include "framework/nn/modules/linear.h"
#include "framework/ops/cross_entropy.h"
#include "framework/tensor/lanes.h"
#include "models/registry.h"
#include "pruning/criteria/criterion.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

namespace espalier::testing {

inline constexpr std::int64_t kImages = 5, kInputs = 4, kClasses = 3;

// A linear classifier, its data, and its loss once more in double.
struct Classifier {
  nn::Linear model{kInputs, kClasses};
  Tensor images = random_tensor({kImages, kInputs}, Layout::plain, 3);
  std::vector<std::int32_t> labels = {0, 2, 1, 2, 0};
  pruning::ScoringData data{model, Shape({kInputs}), [this](std::int64_t) {
                              Tensor y = Tensor::empty({kImages}, Layout::plain, DType::i32);
                              std::copy(labels.begin(), labels.end(), y.data<std::int32_t>());
                              return ops::cross_entropy(model(to_lanes(images)), y);
                            }};

  Classifier() { nn::initialise(model, 1); }

  nn::Parameter& weight() { return *model.parameters()[0]; }

  // dL/dw at weights w [classes * inputs]
  std::vector<double> gradient(const std::vector<double>& w) {
    std::vector<double> g(w.size(), 0.0);
    const Tensor& bias = model.parameters()[1]->value;
    for (std::int64_t n = 0; n < kImages; ++n) {
      std::vector<double> p(kClasses);
      for (std::int64_t c = 0; c < kClasses; ++c) {
        double z = double{bias.data()[c]};
        for (std::int64_t i = 0; i < kInputs; ++i)
          z += w[static_cast<std::size_t>(c * kInputs + i)] * double{images.data()[n * kInputs + i]};
        p[static_cast<std::size_t>(c)] = std::exp(z);
      }
      const double sum = std::accumulate(p.begin(), p.end(), 0.0);
      for (std::int64_t c = 0; c < kClasses; ++c) {
        const double hit = labels[static_cast<std::size_t>(n)] == c ? 1.0 : 0.0;
        const double d = (p[static_cast<std::size_t>(c)] / sum - hit) / static_cast<double>(kImages);
        for (std::int64_t i = 0; i < kInputs; ++i)
          g[static_cast<std::size_t>(c * kInputs + i)] += d * double{images.data()[n * kInputs + i]};
      }
    }
    return g;
  }

  std::vector<double> weights() {
    const std::vector<float> w = weight().value.to_vector();
    return {w.begin(), w.end()};
  }
};

inline std::vector<float> measured_scores(const char* name, const pruning::ScoringData& data,
                                          nn::Parameter& parameter) {
  const auto criterion = pruning::criterion_registry().make(name);
  nn::Parameter* const targets[] = {&parameter};
  criterion->measure(data, targets);
  return criterion->scores(parameter).to_vector();
}

// Every bit of a model: values, buffers, gradients.
inline std::vector<float> everything_in(nn::Module& model) {
  std::vector<float> all;
  const auto add = [&](const Tensor& tensor) {
    if (!tensor.defined() || tensor.dtype() != DType::f32) return;
    const std::vector<float> values = tensor.to_vector();
    all.insert(all.end(), values.begin(), values.end());
  };
  for (const nn::Parameter* parameter : model.parameters()) {
    add(parameter->value);
    add(parameter->grad());
  }
  for (const nn::Buffer* buffer : model.buffers()) add(buffer->value);
  return all;
}

// A narrow VGG-11: layers in a chain.
inline std::shared_ptr<nn::Module> chain() {
  const auto spec = models::model_registry().make("vgg11");
  SetFields narrow;
  narrow.numbers["width"] = 8;
  spec->fields(narrow);
  return spec->build({3, 32, 32}, 10, 1);
}

}  // namespace espalier::testing
