#include "framework/optim/muon.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/framework/optim/optimizer_fixture.h"
#include "tests/support/keep_largest.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

// Row-major, in double.
struct Matrix {
  std::int64_t rows, cols;
  std::vector<double> values;

  Matrix(std::int64_t r, std::int64_t c) : rows(r), cols(c), values(static_cast<std::size_t>(r * c)) {}
  double& at(std::int64_t r, std::int64_t c) { return values[static_cast<std::size_t>(r * cols + c)]; }
  double at(std::int64_t r, std::int64_t c) const { return values[static_cast<std::size_t>(r * cols + c)]; }

  Matrix transposed() const {
    Matrix result(cols, rows);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < cols; ++c) result.at(c, r) = at(r, c);
    }
    return result;
  }

  Matrix operator*(const Matrix& other) const {
    Matrix result(rows, other.cols);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t k = 0; k < cols; ++k) {
        for (std::int64_t c = 0; c < other.cols; ++c) result.at(r, c) += at(r, k) * other.at(k, c);
      }
    }
    return result;
  }
};

Matrix orthogonalized(Matrix x, int steps) {
  double squares = 0.0;
  for (double v : x.values) squares += v * v;
  for (double& v : x.values) v /= std::sqrt(squares) + 1e-7;
  for (int step = 0; step < steps; ++step) {
    const Matrix a = x * x.transposed(), aa = a * a;
    Matrix b(a.rows, a.cols);
    for (std::size_t i = 0; i < b.values.size(); ++i)
      b.values[i] = -4.7750 * a.values[i] + 2.0315 * aa.values[i];
    const Matrix bx = b * x;
    for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] = 3.4445 * x.values[i] + bx.values[i];
  }
  return x;
}

double largest_difference(const Matrix& expected, const float* actual) {
  double largest = 0.0;
  for (std::size_t i = 0; i < expected.values.size(); ++i)
    testing::keep_largest(largest, std::abs(expected.values[i] - double{actual[i]}));
  return largest;
}

Matrix matrix_of(const Tensor& tensor) {
  const std::int64_t rows = tensor.shape()[0];
  Matrix matrix(rows, tensor.numel() / rows);
  std::copy_n(tensor.data(), tensor.numel(), matrix.values.begin());
  return matrix;
}

}  // namespace

TEST_CASE("Newton-Schulz follows its polynomial, whichever side is longer") {
  optim::NewtonSchulz newton_schulz(37 * 40, 37);
  for (const Shape& shape :
       {Shape({1, 9}), Shape({9, 1}), Shape({16, 27}), Shape({40, 37}), Shape({37, 37})}) {
    CAPTURE(shape.str());
    Tensor x = random_tensor(shape, Layout::plain, 5);
    const Matrix expected = orthogonalized(matrix_of(x), 5);
    newton_schulz.orthogonalize(shape[0], shape[1], 5, x.data());
    // Each step multiplies an error by 3.4 at most: 2^-24 becomes 3e-5.
    CHECK(largest_difference(expected, x.data()) < 1e-4);
  }
}

TEST_CASE("Newton-Schulz makes the rows of a matrix nearly orthonormal, whatever its scale") {
  for (const float scale : {1e-12f, 1.0f, 1e12f}) {
    CAPTURE(scale);
    Tensor x = random_tensor({12, 100}, Layout::plain, 7);
    for (std::int64_t i = 0; i < x.numel(); ++i) x.data()[i] *= scale;
    optim::NewtonSchulz(1200, 12).orthogonalize(12, 100, 5, x.data());
    const Matrix rows = matrix_of(x), gram = rows * rows.transposed();
    if (scale < 1e-6f) continue;  // no direction: below the epsilon
    for (std::int64_t i = 0; i < 12; ++i) {
      CHECK(gram.at(i, i) > 0.4);
      CHECK(gram.at(i, i) < 1.5);
      for (std::int64_t j = 0; j < i; ++j) CHECK(std::abs(gram.at(i, j)) < 0.25);
    }
  }
}

TEST_CASE("Newton-Schulz leaves a matrix of zeros alone") {
  Tensor x = Tensor::zeros({4, 6});
  optim::NewtonSchulz(24, 4).orthogonalize(4, 6, 5, x.data());
  CHECK(x.to_vector() == std::vector<float>(24, 0.0f));
}

TEST_CASE("muon follows its formula: matrices by orthogonal momentum, the rest by SGD") {
  OptimizerFixture fixture;
  const std::vector<nn::Parameter*> parameters = fixture.parameters();
  optim::MuonSettings settings = optim::muon_defaults();
  settings.lr = 0.05;
  settings.weight_decay = 0.1;
  settings.momentum = 0.9;
  settings.sgd_lr = 0.3;
  settings.sgd_weight_decay = 0.2;
  settings.decay_norm_and_bias = false;
  optim::Muon muon(parameters, settings);
  muon.set_lr(0.5 * settings.lr);  // as a schedule would
  const double lr = 0.5 * settings.lr, sgd_lr = 0.5 * settings.sgd_lr;

  std::vector<Matrix> w, v;
  for (const nn::Parameter* parameter : parameters) {
    w.push_back(matrix_of(parameter->value));
    v.emplace_back(w.back().rows, w.back().cols);
  }
  for (std::int64_t step = 1; step <= 3; ++step) {
    CAPTURE(step);
    fixture.draw_gradients(step);
    muon.step();
    CHECK_NOTHROW(muon.check_masks());
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      const nn::Parameter& parameter = *parameters[p];
      CAPTURE(parameter.name);
      const auto kept = [&](std::size_t i) {
        return parameter.mask.dense() || parameter.mask.data()[i] != 0;
      };
      Matrix d(w[p].rows, w[p].cols);
      for (std::size_t i = 0; i < d.values.size(); ++i) {
        const double g = kept(i) ? double{parameter.grad().data()[i]} : 0.0;
        v[p].values[i] = settings.momentum * v[p].values[i] + g;
        d.values[i] = g + settings.momentum * v[p].values[i];
      }
      const bool matrix = parameter.name == "a.weight" || parameter.name == "b.weight";
      if (matrix) d = orthogonalized(d, 5);
      const double longer = static_cast<double>(d.rows) / static_cast<double>(d.cols);
      const double rate = matrix ? lr * std::sqrt(std::max(1.0, longer)) : sgd_lr;
      const bool decays = parameter.kind == nn::ParameterKind::weight;
      const double decay = !decays  ? 0.0
                           : matrix ? lr * settings.weight_decay
                                    : sgd_lr * settings.sgd_weight_decay;
      for (std::size_t i = 0; i < d.values.size(); ++i) {
        double& weight = w[p].values[i];
        weight = kept(i) ? weight - decay * weight - rate * d.values[i] : 0.0;
      }
      CHECK(largest_difference(w[p], parameter.value.data()) < 2e-5);
    }
  }
}
