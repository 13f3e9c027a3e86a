#include "pruning/criteria/soft_movement.h"

#include <cmath>

#include "framework/core/error.h"

namespace espalier::pruning {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;  // Adam's

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

}  // namespace

void SoftMovement::fields(FieldVisitor& v) {
  v.field("lr", lr_, "learning rate of the scores", {0.0, 100.0});
  v.field("threshold", threshold_, "of sigmoid(score), below which a weight goes; scores begin at 0.5",
          {0.0, 1.0});
  v.field("penalty", penalty_, "on the mean of a layer's sigmoid(score)", {0.0, 1e9});
  v.field("warmup", warmup_, "fraction of the stage's steps before threshold and penalty rise", {0.0, 1.0});
  v.field("cooldown", cooldown_, "fraction of the stage's steps for which they stay, at the end", {0.0, 1.0});
}

void SoftMovement::begin(std::int64_t total_steps) {
  if (warmup_ + cooldown_ > 1.0) {
    fail(ErrorKind::usage, "soft_movement", "warmup {} and cooldown {} are more than the stage", warmup_,
         cooldown_);
  }
  total_steps_ = total_steps;
}

double SoftMovement::ramp(std::int64_t done) const {
  const auto total = static_cast<double>(total_steps_);
  const double begin = warmup_ * total, end = (1.0 - cooldown_) * total;
  const auto at = static_cast<double>(done);
  if (at >= end) return 1.0;
  return at <= begin ? 0.0 : 1.0 - std::pow(1.0 - (at - begin) / (end - begin), 3.0);
}

std::optional<float> SoftMovement::threshold() const { return static_cast<float>(threshold_ * ramp(done_)); }

Tensor SoftMovement::scores(const nn::Parameter& parameter) {
  const Tensor score = of(parameter.name, parameter.value.shape()).score;
  Tensor scores = Tensor::empty(parameter.value.shape());
  for (std::int64_t i = 0; i < scores.numel(); ++i)
    scores.data()[i] = static_cast<float>(sigmoid(double{score.data()[i]}));
  return scores;
}

void SoftMovement::observe(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) {
  done_ = info.step + 1;
  const double strength = penalty_ * ramp(done_);
  const auto seen = static_cast<double>(done_ - info.begin);
  const double unbias1 = 1.0 - std::pow(kBeta1, seen), unbias2 = 1.0 - std::pow(kBeta2, seen);
  for (const nn::Parameter* parameter : parameters) {
    const Tensor gradient = parameter->grad();
    if (parameter->kind != nn::ParameterKind::weight || !gradient.defined()) continue;
    Scores& scores = of(parameter->name, parameter->value.shape());
    const std::int64_t numel = parameter->value.numel();
    const float *w = parameter->value.data(), *g = gradient.data();
    float *score = scores.score.data(), *mean = scores.mean.data(), *square = scores.square.data();
    for (std::int64_t i = 0; i < numel; ++i) {
      const double alive = sigmoid(double{score[i]});
      const double push = strength / static_cast<double>(numel) * alive * (1.0 - alive);
      const double slope = double{w[i]} * double{g[i]} + push;
      mean[i] = static_cast<float>(kBeta1 * double{mean[i]} + (1.0 - kBeta1) * slope);
      square[i] = static_cast<float>(kBeta2 * double{square[i]} + (1.0 - kBeta2) * slope * slope);
      const double step = double{mean[i]} / unbias1 / (std::sqrt(double{square[i]} / unbias2) + kEps);
      score[i] = static_cast<float>(double{score[i]} - lr_ * step);
    }
  }
}

SoftMovement::Scores& SoftMovement::of(const std::string& name, const Shape& shape) {
  Scores& scores = scores_[name];
  for (Tensor* tensor : {&scores.score, &scores.mean, &scores.square}) {
    if (!tensor->defined()) *tensor = Tensor::zeros(shape);
  }
  return scores;
}

std::vector<std::pair<std::string, Tensor>> SoftMovement::state() {
  std::vector<std::pair<std::string, Tensor>> state;
  for (const auto& [name, scores] : scores_) {
    state.emplace_back(name + ".score", scores.score);
    state.emplace_back(name + ".mean", scores.mean);
    state.emplace_back(name + ".square", scores.square);
  }
  return state;
}

void SoftMovement::load_state(const std::vector<std::pair<std::string, Tensor>>& state) {
  scores_.clear();
  for (const auto& [name, tensor] : state) {
    const std::size_t dot = name.rfind('.');
    Scores& scores = scores_[name.substr(0, dot)];
    const std::string part = name.substr(dot + 1);
    check(part == "score" || part == "mean" || part == "square", "soft_movement", "unknown state '{}'", name);
    (part == "score" ? scores.score : part == "mean" ? scores.mean : scores.square) = tensor.clone();
  }
}

}  // namespace espalier::pruning
