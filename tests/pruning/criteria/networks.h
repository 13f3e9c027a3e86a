// Networks that criteria are measured on, one of them small enough to be computed by hand.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "framework/nn/init.h"
#include "framework/nn/modules/dropout.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/sequential.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/scale.h"
#include "framework/tensor/lanes.h"
#include "models/registry.h"
#include "pruning/criteria/criterion.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

namespace espalier::testing {

inline constexpr std::int64_t kImages = 5, kInputs = 4, kClasses = 3;

// The loss of one batch, plain [N, ...], which comes again and again.
inline pruning::ScoringData one_batch(nn::Module& model, const Tensor& images,
                                      const std::vector<std::int32_t>& labels) {
  return {model, images.shape().without(0), [&model, images, labels](std::int64_t, float temperature) {
            Tensor y = Tensor::empty({images.dim(0)}, Layout::plain, DType::i32);
            std::copy(labels.begin(), labels.end(), y.data<std::int32_t>());
            return ops::cross_entropy(ops::scale(model(to_lanes(images)), 1.0f / temperature), y);
          }};
}

// A linear classifier behind a dropout that scores must not see; its data, and its derivatives once more in
// double.
struct Classifier {
  using Values = std::vector<double>;  // [classes * inputs], or [classes]

  nn::Sequential model;
  Tensor images = random_tensor({kImages, kInputs}, Layout::plain, 3);
  std::vector<std::int32_t> labels = {0, 2, 1, 2, 0};
  pruning::ScoringData data = one_batch(model, images, labels);

  Classifier() {
    model.add(std::make_shared<nn::Dropout>(0.5));
    model.add(std::make_shared<nn::Linear>(kInputs, kClasses));
    nn::initialise(model, 1);
  }

  nn::Parameter& weight() { return *model.parameters()[0]; }
  Values weights() {
    const std::vector<float> w = weight().value.to_vector();
    return {w.begin(), w.end()};
  }

  // dL/dw, of logits divided by T: the mean over images of (p - y) x' / T.
  Values gradient(double temperature = 1.0) {
    return mean_over_images(temperature, [&](std::int64_t n, const Values& p) {
      Values d = p;
      d[static_cast<std::size_t>(labels[static_cast<std::size_t>(n)])] -= 1.0;
      return d;
    });
  }
  // H v, where H is the second derivative: the mean over images of (diag(p) - p p') (V x / T) x' / T.
  Values hessian_times(const Values& v, double temperature) {
    return mean_over_images(temperature, [&](std::int64_t n, const Values& p) {
      Values moved = logits(v, n);
      const double mean = std::inner_product(p.begin(), p.end(), moved.begin(), 0.0);
      for (std::size_t c = 0; c < kClasses; ++c) moved[c] = p[c] * (moved[c] - mean) / temperature;
      return moved;
    });
  }

 private:
  double pixel(std::int64_t n, std::int64_t i) { return double{images.data()[n * kInputs + i]}; }

  // W x of image n, without the bias.
  Values logits(const Values& w, std::int64_t n) {
    Values z(kClasses, 0.0);
    for (std::int64_t k = 0; k < kClasses * kInputs; ++k)
      z[static_cast<std::size_t>(k / kInputs)] += w[static_cast<std::size_t>(k)] * pixel(n, k % kInputs);
    return z;
  }

  // of_logits(image, probabilities): a derivative by the image's logits over T; the result is by the weights.
  template <class OfLogits>
  Values mean_over_images(double temperature, const OfLogits& of_logits) {
    Values sum(kClasses * kInputs, 0.0);
    const Tensor& bias = model.parameters()[1]->value;
    for (std::int64_t n = 0; n < kImages; ++n) {
      Values p = logits(weights(), n);
      for (std::size_t c = 0; c < kClasses; ++c)
        p[c] = std::exp((p[c] + double{bias.data()[c]}) / temperature);
      const double all = std::accumulate(p.begin(), p.end(), 0.0);
      for (double& probability : p) probability /= all;
      const Values d = of_logits(n, p);
      for (std::int64_t k = 0; k < kClasses * kInputs; ++k)
        sum[static_cast<std::size_t>(k)] +=
            d[static_cast<std::size_t>(k / kInputs)] * pixel(n, k % kInputs) / temperature / kImages;
    }
    return sum;
  }
};

// `numbers`: keys of the criterion.
inline std::vector<float> measured_scores(const char* name, const pruning::ScoringData& data,
                                          nn::Parameter& parameter,
                                          const std::map<std::string, double>& numbers = {}) {
  const auto criterion = pruning::criterion_registry().make(name);
  SetFields keys;
  keys.numbers = numbers;
  criterion->fields(keys);
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
