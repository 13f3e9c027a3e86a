#include "experiments/stages/feature_distance.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "framework/ops/scale.h"
#include "framework/tensor/lanes.h"
#include "tests/support/gradient_check.h"
#include "tests/support/keep_largest.h"

namespace espalier {
namespace {

using Values = std::vector<double>;  // row-major

Values values_of(const Tensor& t) {
  const std::vector<float> values = t.to_vector();
  return {values.begin(), values.end()};
}

// The map of one image: of [C, H, W], or [T, C] where tokens come first.
Values textbook_map(const Values& x, const Shape& shape, std::int64_t image) {
  const bool tokens = shape.rank() == 3;
  const std::int64_t channels = tokens ? shape[2] : shape[1], size = shape.without(0).numel(),
                     positions = size / channels;
  Values map(static_cast<std::size_t>(positions), 0.0);
  for (std::int64_t i = 0; i < size; ++i) {
    const double value = x[static_cast<std::size_t>(image * size + i)];
    map[static_cast<std::size_t>(tokens ? i / channels : i % positions)] +=
        value * value / static_cast<double>(channels);
  }
  double square = 0.0;
  for (const double q : map) square += q * q;
  for (double& q : map) q /= std::sqrt(square);
  return map;
}

double textbook_attention(const Values& student, const Shape& shape, const Values& teacher,
                          const Shape& teacher_shape) {
  double sum = 0.0;
  for (std::int64_t image = 0; image < shape[0]; ++image) {
    const Values a = textbook_map(student, shape, image), b = textbook_map(teacher, teacher_shape, image);
    for (std::size_t p = 0; p < a.size(); ++p) sum += (a[p] - b[p]) * (a[p] - b[p]);
  }
  return sum / static_cast<double>(shape[0]);
}

Tensor random_lanes(const Shape& shape, std::uint64_t seed, DType dtype) {
  return converted(testing::random_tensor(shape, Layout::lanes, seed), dtype);
}

}  // namespace

TEST_CASE(
    "attention transfer has the textbook's value, and the gradient of its finite differences in double") {
  struct Case {
    Shape student, teacher;
  };
  // One image, batches around a vector, planes of odd and even pixels, other widths; tokens.
  const Case cases[] = {{{1, 3, 4, 5}, {1, 5, 4, 5}},   {{5, 4, 3, 3}, {5, 2, 3, 3}},
                        {{16, 2, 4, 4}, {16, 2, 4, 4}}, {{17, 3, 2, 5}, {17, 7, 2, 5}},
                        {{5, 6, 4}, {5, 6, 9}},         {{17, 5, 3}, {17, 5, 3}}};
  for (const Case& c : cases) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      CAPTURE(c.student.str());
      CAPTURE(dtype_name(dtype));
      Tensor student = random_lanes(c.student, 1, dtype).set_requires_grad();
      const Tensor teacher = random_lanes(c.teacher, 2, dtype);
      const Tensor distance = attention_distance(student, teacher);
      Values x = values_of(student);
      const Values target = values_of(teacher);
      const auto textbook = [&] { return textbook_attention(x, c.student, target, c.teacher); };
      CHECK(double{distance.item()} == doctest::Approx(textbook()).epsilon(1e-5));

      distance.backward();
      CHECK(student.grad().dtype() == dtype);
      const Values gradient = values_of(student.grad());
      double largest = 0.0, error = 0.0;
      constexpr double kStep = 1e-5;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double before = x[i];
        x[i] = before + kStep;
        const double above = textbook();
        x[i] = before - kStep;
        const double below = textbook();
        x[i] = before;
        const double numeric = (above - below) / (2.0 * kStep);
        testing::keep_largest(largest, std::abs(numeric));
        testing::keep_largest(error, std::abs(numeric - gradient[i]));
      }
      // Some dozen roundings of f32, of bf16 a single one.
      CHECK(error <= (dtype == DType::f32 ? 2e-5 : 1.0 / 256.0) * largest);
    }
  }
}

TEST_CASE("attention is where a layer is large, not how large it is") {
  const Tensor x = testing::random_tensor({5, 3, 4, 4}, Layout::lanes, 1);
  CHECK(attention_distance(ops::scale(x, 3.0f), x).item() == doctest::Approx(0.0).epsilon(1e-6));
}

TEST_CASE("a layer that is silent all over has gradients of zero") {
  Tensor silent = Tensor::zeros({5, 3, 4, 4}, Layout::lanes).set_requires_grad();
  const Tensor distance = attention_distance(silent, testing::random_tensor({5, 3, 4, 4}, Layout::lanes, 1));
  CHECK(distance.item() == doctest::Approx(1.0));
  distance.backward();
  for (const float g : silent.grad().to_vector()) CHECK(g == 0.0f);
}

TEST_CASE("a hint is the mean of squares, and its gradient twice the difference over all elements") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const Shape& shape : {Shape{17, 3, 2, 5}, Shape{5, 6, 4}, Shape{3, 7}}) {
      CAPTURE(shape.str());
      Tensor student = random_lanes(shape, 1, dtype).set_requires_grad();
      const Tensor teacher = random_lanes(shape, 2, dtype);
      const Tensor distance = hint_distance(student, teacher);
      distance.backward();
      const Values x = values_of(student), target = values_of(teacher), gradient = values_of(student.grad());
      const auto n = static_cast<double>(x.size());
      double sum = 0.0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        sum += (x[i] - target[i]) * (x[i] - target[i]);
        const double expected = 2.0 * (x[i] - target[i]) / n;
        CHECK(std::abs(gradient[i] - expected) <=
              (dtype == DType::f32 ? 1e-6 : 1.0 / 256.0) * std::abs(expected));
      }
      CHECK(double{distance.item()} == doctest::Approx(sum / n).epsilon(1e-5));
    }
  }
}

}  // namespace espalier
