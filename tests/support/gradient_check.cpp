#include "tests/support/gradient_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/random.h"
#include "framework/tensor/lanes.h"
#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"

namespace espalier::testing {
namespace {

// Where logical element i (row-major) of a tensor lies in its storage.
std::int64_t storage_index(const Tensor& t, std::int64_t i) {
  if (!t.is_lanes()) return i;
  const std::int64_t features = t.numel() / t.dim(0), image = i / features;
  std::int64_t feature = i % features;
  std::int64_t vectors = features;  // of one group
  if (t.rank() == 4) {
    const std::int64_t pixels = t.dim(2) * t.dim(3), plane = kernels::plane_vectors(pixels);
    feature = feature / pixels * plane + feature % pixels;
    vectors = t.dim(1) * plane;
  }
  return (image / kernels::kLanes * vectors + feature) * kernels::kLanes + image % kernels::kLanes;
}

// Thousands of evaluations of tiny shapes: starting threads would cost more than all of them together.
class OneThread {
 public:
  OneThread() { kernels::set_num_threads(1); }
  ~OneThread() { kernels::set_num_threads(before_); }

 private:
  int before_ = kernels::num_threads();
};

double inner_product(const Tensor& a, const Tensor& b) {
  const std::vector<float> x = a.to_vector(), y = b.to_vector();
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += double{x[i]} * double{y[i]};
  return sum;
}

}  // namespace

Tensor random_tensor(const Shape& shape, Layout layout, std::uint64_t seed, float scale) {
  Random random(seed, "test tensor");
  Tensor tensor = Tensor::empty(shape);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data()[i] = scale * random.normal();
  return layout == Layout::lanes ? to_lanes(tensor) : tensor;
}

void backward_with(const Tensor& y, const Tensor& gradient) {
  record("inner_product", {y}, Tensor::scalar(0.0f), [gradient](Backward& b) {
    b.give(0, gradient.clone());
  }).backward();
}

void check_gradients(const std::function<Tensor(const std::vector<Tensor>&)>& f, std::vector<Tensor> inputs,
                     const GradientCheckOptions& options) {
  for (Tensor& input : inputs) input.set_requires_grad().set_grad({});
  const Tensor y = f(inputs);
  const Tensor weights = random_tensor(y.shape(), y.layout(), 7);
  backward_with(y, weights);

  const OneThread for_the_differences;
  const auto value = [&] {
    const NoGrad off;
    return inner_product(f(inputs), weights);
  };
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    CAPTURE(k);
    Tensor& input = inputs[k];
    REQUIRE(input.grad().defined());
    const std::vector<float> gradient = input.grad().to_vector();
    float* data = input.data();
    const auto difference = [&](std::int64_t at, double h) {
      const float before = data[at];
      const float above = before + static_cast<float>(h), below = before - static_cast<float>(h);
      data[at] = above;
      const double f_above = value();
      data[at] = below;
      const double f_below = value();
      data[at] = before;
      return (f_above - f_below) / (double{above} - double{below});
    };
    double largest = 1e-2;
    for (float g : gradient) largest = std::max(largest, std::abs(double{g}));
    Random random(11, "gradient check", k);
    const std::int64_t count = std::min<std::int64_t>(options.elements_per_input, input.numel());
    for (std::int64_t n = 0; n < count; ++n) {
      const bool all = count == input.numel();
      const std::int64_t i = all ? n : random.below(static_cast<std::uint32_t>(input.numel()));
      const std::int64_t at = storage_index(input, i);
      const double numeric = (4.0 * difference(at, options.step / 2) - difference(at, options.step)) / 3.0;
      CAPTURE(i);
      CAPTURE(numeric);
      CAPTURE(gradient[static_cast<std::size_t>(i)]);
      CHECK(std::abs(numeric - double{gradient[static_cast<std::size_t>(i)]}) <= options.tolerance * largest);
    }
  }
}

}  // namespace espalier::testing
