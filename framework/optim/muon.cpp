#include "framework/optim/muon.h"

#include <algorithm>
#include <cmath>

#include "kernels/update/update.h"

namespace espalier::optim {
namespace {

bool is_matrix(const nn::Parameter& parameter) {
  return parameter.kind == nn::ParameterKind::weight && parameter.value.shape().rank() >= 2;
}

NewtonSchulz room_for(const std::vector<nn::Parameter*>& parameters) {
  std::int64_t elements = 1, side = 1;
  for (const nn::Parameter* parameter : parameters) {
    if (!is_matrix(*parameter)) continue;
    const std::int64_t rows = parameter->value.shape()[0], n = parameter->value.numel();
    elements = std::max(elements, n);
    side = std::max(side, std::min(rows, n / rows));
  }
  return NewtonSchulz(elements, side);
}

}  // namespace

void MuonSettings::fields(FieldVisitor& v) {
  OptimizerSettings::fields(v);
  v.field("momentum", momentum, "momentum of the gradient", {0.0, 1.0});
  v.field("nesterov", nesterov, "look ahead along the momentum?");
  v.field("newton_schulz_steps", newton_schulz_steps, "steps towards an orthogonal direction", {1, 20});
  v.field("sgd_lr", sgd_lr, "learning rate of biases, norms and the last weight", {0.0, 1e6});
  v.field("sgd_weight_decay", sgd_weight_decay, "weight decay of those", {0.0, 1e6});
}

MuonSettings muon_defaults() { return {{.lr = 0.02}}; }

Muon::Muon(std::vector<nn::Parameter*> parameters, const MuonSettings& settings)
    : Optimizer(std::move(parameters), settings, {"momentum"}),
      settings_(settings),
      newton_schulz_(room_for(this->parameters())) {
  const std::vector<nn::Parameter*>& all = this->parameters();
  const auto classifier = std::find_if(all.rbegin(), all.rend(),
                                       [](const nn::Parameter* parameter) { return is_matrix(*parameter); });
  for (const nn::Parameter* parameter : all) {
    Matrix matrix;
    if (is_matrix(*parameter) && parameter != *classifier) {
      matrix.rows = parameter->value.shape()[0];
      matrix.cols = parameter->value.numel() / matrix.rows;
      matrix.direction = Tensor::zeros({matrix.rows, matrix.cols});
    }
    matrices_.push_back(std::move(matrix));
  }
}

void Muon::update_all(double gradient_scale) {
  for_each_slice(gradient_scale, [&](const Slice& slice) { accumulate(slice); });
  for (std::size_t p = 0; p < matrices_.size(); ++p) {
    Matrix& matrix = matrices_[p];
    if (matrix.rows == 0 || !parameters()[p]->has_gradient()) continue;
    newton_schulz_.orthogonalize(matrix.rows, matrix.cols, static_cast<int>(settings_.newton_schulz_steps),
                                 matrix.direction.data());
  }
  Optimizer::update_all(gradient_scale);
}

void Muon::accumulate(const Slice& s) {
  Matrix& matrix = matrices_[s.parameter];
  if (matrix.rows == 0) return;
  // SGD's fused pass, from 0 with a rate of -1, leaves its step there.
  float* direction = matrix.direction.data() + s.begin;
  std::fill_n(direction, s.count, 0.0f);
  const kernels::SgdParams params = {.lr = -1.0f,
                                     .momentum = static_cast<float>(settings_.momentum),
                                     .gradient_scale = static_cast<float>(s.gradient_scale),
                                     .nesterov = settings_.nesterov};
  kernels::update().sgd(params, s.count, s.mask, s.gradient, direction, s.moments[0]);
}

void Muon::update(const Slice& s) const {
  const Matrix& matrix = matrices_[s.parameter];
  if (matrix.rows != 0) {
    const double shape =
        std::sqrt(std::max(1.0, static_cast<double>(matrix.rows) / static_cast<double>(matrix.cols)));
    const kernels::SgdParams params = {.lr = static_cast<float>(lr()),
                                       .weight_decay = static_cast<float>(s.weight_decay),
                                       .gradient_scale = static_cast<float>(shape),
                                       .decoupled = true};
    kernels::update().sgd(params, s.count, s.mask, matrix.direction.data() + s.begin, s.weight, nullptr);
    return;
  }
  const double schedule = settings_.lr > 0.0 ? lr() / settings_.lr : 0.0;
  const kernels::SgdParams params = {
      .lr = static_cast<float>(settings_.sgd_lr * schedule),
      .momentum = static_cast<float>(settings_.momentum),
      .weight_decay =
          static_cast<float>(decays(*parameters()[s.parameter]) ? settings_.sgd_weight_decay : 0.0),
      .gradient_scale = static_cast<float>(s.gradient_scale),
      .nesterov = settings_.nesterov && settings_.momentum > 0.0,
      .decoupled = true};
  kernels::update().sgd(params, s.count, s.mask, s.gradient, s.weight, s.moments[0]);
}

}  // namespace espalier::optim
