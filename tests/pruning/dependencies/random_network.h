// Small networks of random structure: plain, residual, padded shortcuts, concatenation, groups, depthwise,
// pooling, flattening.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "framework/core/random.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/ops/add.h"
#include "framework/ops/avg_pool2d.h"
#include "framework/ops/concat.h"
#include "framework/ops/flatten.h"
#include "framework/ops/gelu.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/ops/max_pool2d.h"
#include "framework/ops/relu.h"
#include "framework/ops/scale.h"
#include "framework/ops/subsample.h"

namespace espalier::testing {

class RandomNetwork : public nn::Module {
 public:
  inline static const Shape kImage = {3, 8, 8};
  static constexpr std::int64_t kClasses = 5;

  explicit RandomNetwork(unsigned seed) : engine_(seed) {
    conv_norm(pick({4, 6, 8}), 3, 1, 1, 1);
    const int blocks = 1 + below(3);
    for (int b = 0; b < blocks; ++b) add_block();
    add_head();
    nn::initialise(*this, seed);
    // Norms as training leaves them.
    Random random(seed, "norms");
    for (nn::Parameter* p : parameters()) {
      if (p->kind != nn::ParameterKind::norm) continue;
      for (std::int64_t i = 0; i < p->value.numel(); ++i) p->value.data()[i] = 0.5f + random.uniform();
      if (p->name.ends_with("bias"))
        for (std::int64_t i = 0; i < p->value.numel(); ++i) p->value.data()[i] -= 1.0f;
    }
    for (nn::Buffer* b : buffers()) {
      const bool mean = b->name.ends_with("mean");
      for (std::int64_t i = 0; i < b->value.numel(); ++i)
        b->value.data()[i] = mean ? random.normal() * 0.3f : 0.5f + random.uniform();
    }
  }

  Tensor forward(const Tensor& x) override {
    Tensor y = x;
    for (const Step& step : steps_) y = step(y);
    return y;
  }
  std::string type_name() const override { return "RandomNetwork"; }

 private:
  using Step = std::function<Tensor(const Tensor&)>;

  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine_); }
  std::int64_t pick(const std::vector<std::int64_t>& of) {
    return of[static_cast<std::size_t>(below(static_cast<int>(of.size())))];
  }
  template <class M>
  std::shared_ptr<M> named(std::shared_ptr<M> module) {
    return register_module("m" + std::to_string(count_++), std::move(module));
  }

  // Steps are appended to `steps_`, which a block with branches swaps out while it builds them.
  void conv(std::int64_t out, int kernel, int stride, int padding, int groups, bool bias) {
    const auto module = named(std::make_shared<nn::Conv2d>(
        channels_, out, kernel,
        nn::Conv2d::Options{.stride = stride, .padding = padding, .groups = groups, .bias = bias}));
    steps_.push_back([module](const Tensor& x) { return (*module)(x); });
    channels_ = out;
    size_ = (size_ + 2 * padding - kernel) / stride + 1;
  }
  void norm(bool relu) {
    const auto module = named(std::make_shared<nn::BatchNorm2d>(channels_));
    steps_.push_back(
        [module, relu](const Tensor& x) { return relu ? module->forward_relu(x) : (*module)(x); });
  }
  void conv_norm(std::int64_t out, int kernel, int stride, int padding, int groups) {
    conv(out, kernel, stride, padding, groups, below(2) == 0);
    norm(true);
  }
  std::vector<Step> branch(const std::function<void()>& build) {
    std::vector<Step> outer = std::move(steps_);
    steps_.clear();
    build();
    std::swap(outer, steps_);
    return outer;
  }
  static Tensor run(const std::vector<Step>& steps, Tensor x) {
    for (const Step& step : steps) x = step(x);
    return x;
  }

  void add_block() {
    switch (below(9)) {
      case 0:
        return conv_norm(pick({4, 6, 8}), 3, 1, 1, 1);
      case 1:  // without a norm, and without padding
        conv(pick({5, 7}), size_ >= 3 ? 3 : 1, 1, 0, 1, below(3) > 0);
        steps_.push_back([](const Tensor& x) { return ops::relu(x); });
        return;
      case 2:
        return add_residual(channels_, false);
      case 3:
        return add_residual(channels_ + pick({0, 2, 4}), true);
      case 4:
        return add_padded_shortcut();
      case 5:
        return add_concatenation();
      case 6:
        conv_norm(8, 1, 1, 0, 1);
        return conv_norm(pick({8, 12}), 3, 1, 1, static_cast<int>(pick({2, 4})));
      case 7:  // depthwise, with one or two outputs a channel
        conv(channels_ * pick({1, 2}), 3, 1, 1, static_cast<int>(channels_), below(2) == 0);
        norm(true);
        return conv_norm(6, 1, 1, 0, 1);
      default:
        return add_pooling();
    }
  }

  void add_residual(std::int64_t out, bool project) {
    const std::int64_t in = channels_;
    const int size = size_;
    const std::vector<Step> inner = branch([&] {
      conv_norm(pick({3, 6}), 3, 1, 1, 1);
      conv(out, 3, 1, 1, 1, below(2) == 0);
      norm(false);
    });
    channels_ = in;
    size_ = size;
    const std::vector<Step> shortcut = branch([&] {
      if (!project) return;
      conv(out, 1, 1, 0, 1, false);
      norm(false);
    });
    channels_ = out;
    steps_.push_back(
        [inner, shortcut](const Tensor& x) { return ops::relu(ops::add(run(inner, x), run(shortcut, x))); });
  }

  void add_padded_shortcut() {
    const std::int64_t in = channels_, out = in + 4;
    const int stride = size_ >= 4 ? 2 : 1;
    std::shared_ptr<nn::Conv2d> last;
    const std::vector<Step> inner = branch([&] {
      conv_norm(pick({4, 5}), 3, stride, 1, 1);
      last = named(
          std::make_shared<nn::Conv2d>(channels_, out, 3, nn::Conv2d::Options{.padding = 1, .bias = false}));
      steps_.push_back([last](const Tensor& x) { return (*last)(x); });
    });
    channels_ = out;
    const auto norm = named(std::make_shared<nn::BatchNorm2d>(out));
    steps_.push_back([inner, norm, stride, last](const Tensor& x) {
      return norm->forward_relu(run(inner, x), ops::subsample(x, stride, last->out_channels()));
    });
  }

  void add_concatenation() {
    const std::int64_t in = channels_;
    const int size = size_;
    const std::vector<Step> first = branch([&] { conv_norm(pick({3, 5}), 3, 1, 1, 1); });
    const std::int64_t joined = channels_;
    channels_ = in;
    size_ = size;
    const std::vector<Step> second = branch([&] { conv(pick({2, 4}), 1, 1, 0, 1, true); });
    const bool dense = below(2) == 0;  // the input too
    channels_ += joined + (dense ? in : 0);
    steps_.push_back([first, second, dense](const Tensor& x) {
      std::vector<Tensor> parts = {run(first, x), ops::gelu(run(second, x))};
      if (dense) parts.push_back(x);
      return ops::concat(parts, 1);
    });
  }

  void add_pooling() {
    if (size_ < 4) return conv_norm(5, 1, 1, 0, 1);
    const int padding = below(2);
    const ops::Pool2dOptions options{.kernel = 2 + padding, .stride = 2, .padding = padding};
    const bool largest = below(2) == 0;
    steps_.push_back([options, largest](const Tensor& x) {
      return largest ? ops::max_pool2d(x, options) : ops::scale(ops::avg_pool2d(x, options), 1.5f);
    });
    size_ = (size_ + 2 * padding - options.kernel) / 2 + 1;
  }

  void linear(std::int64_t in, std::int64_t out) {
    const auto module = named(std::make_shared<nn::Linear>(in, out));
    steps_.push_back([module](const Tensor& x) { return (*module)(x); });
  }

  void add_head() {
    std::int64_t features = channels_;
    if (below(2) == 0) {
      steps_.push_back([](const Tensor& x) { return ops::global_avg_pool(x); });
    } else {
      steps_.push_back([](const Tensor& x) { return ops::flatten(x); });
      features *= size_ * size_;
    }
    if (below(2) == 0) {
      linear(features, 7);
      steps_.push_back([](const Tensor& x) { return ops::relu(x); });
      features = 7;
    }
    linear(features, kClasses);
  }

  std::mt19937 engine_;
  std::vector<Step> steps_;
  std::int64_t channels_ = 3;
  int size_ = 8, count_ = 0;
};

}  // namespace espalier::testing
