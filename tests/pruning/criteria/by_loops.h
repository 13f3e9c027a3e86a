// Layers and a loss as plain loops in double, and their derivatives by differences: what criteria are
// measured against.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier::testing {

using Doubles = std::vector<double>;

inline Doubles in_double(const Tensor& tensor) {
  const std::vector<float> values = tensor.to_vector();
  return {values.begin(), values.end()};
}

// A convolution of images of side x side pixels.
struct LoopConv2d {
  std::int64_t side, in, out, kernel, stride = 1, padding = 0, groups = 1;

  std::int64_t out_side() const { return (side + 2 * padding - kernel) / stride + 1; }

  // x [N, in, side, side], weight [out, in/groups, kernel, kernel], bias [out] -> [N, out, out_side, out_side]
  Doubles operator()(const Doubles& x, const Doubles& weight, const Doubles& bias) const {
    const std::int64_t images = static_cast<std::int64_t>(x.size()) / (in * side * side),
                       group_in = in / groups, group_out = out / groups;
    const double *from = x.data(), *w = weight.data(), *b = bias.data();
    Doubles y;
    for (std::int64_t n = 0; n < images; ++n) {
      for (std::int64_t oc = 0; oc < out; ++oc) {
        for (std::int64_t oh = 0; oh < out_side(); ++oh) {
          for (std::int64_t ow = 0; ow < out_side(); ++ow) {
            double sum = b[oc];
            for (std::int64_t ic = 0; ic < group_in; ++ic) {
              const std::int64_t channel = oc / group_out * group_in + ic;
              for (std::int64_t kh = 0; kh < kernel; ++kh) {
                for (std::int64_t kw = 0; kw < kernel; ++kw) {
                  const std::int64_t ih = oh * stride - padding + kh, iw = ow * stride - padding + kw;
                  if (ih < 0 || ih >= side || iw < 0 || iw >= side) continue;
                  sum += w[((oc * group_in + ic) * kernel + kh) * kernel + kw] *
                         from[((n * in + channel) * side + ih) * side + iw];
                }
              }
            }
            y.push_back(sum);
          }
        }
      }
    }
    return y;
  }
};

// Of each plane of `pixels`: [N, C, pixels] -> [N, C]
inline Doubles means(const Doubles& x, std::int64_t pixels) {
  const auto count = static_cast<std::size_t>(pixels);
  Doubles means(x.size() / count, 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) means[i / count] += x[i] / static_cast<double>(pixels);
  return means;
}

// The mean over images of -log softmax(logits)[label]; logits [N, classes]
inline double cross_entropy(const Doubles& logits, const std::vector<std::int32_t>& labels) {
  const std::size_t classes = logits.size() / labels.size();
  double loss = 0.0;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    double sum = 0.0;
    for (std::size_t c = 0; c < classes; ++c) sum += std::exp(logits[n * classes + c]);
    loss += std::log(sum) - logits[n * classes + static_cast<std::size_t>(labels[n])];
  }
  return loss / static_cast<double>(labels.size());
}

// df/dx of every element of x, by central differences, whose error in double lies far below f32's rounding.
inline Doubles derivatives(const std::function<double(const Doubles&)>& f, Doubles x) {
  constexpr double kStep = 1e-5;
  Doubles slopes;
  for (double& value : x) {
    const double at = value;
    value = at + kStep;
    const double above = f(x);
    value = at - kStep;
    const double below = f(x);
    value = at;
    slopes.push_back((above - below) / (2.0 * kStep));
  }
  return slopes;
}

}  // namespace espalier::testing
