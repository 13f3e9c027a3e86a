#include "tests/support/goldens.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/tensor/lanes.h"
#include "tests/support/gradient_check.h"
#include "tests/support/keep_largest.h"
#include "tests/support/pseudo_random.h"

namespace espalier::testing {
namespace {

constexpr std::uint32_t kCotangentSeed = 1000;

const nlohmann::json& golden_cases() {
  static const nlohmann::json cases =
      nlohmann::json::parse(std::ifstream(ESPALIER_SOURCE_DIR "/tests/goldens/ops.json"));
  return cases;
}

Tensor input(const nlohmann::json& spec, std::uint32_t seed) {
  Tensor tensor = pseudo_random(Shape(spec["shape"].get<std::vector<std::int64_t>>()), seed);
  const double scale = spec["scale"], shift = spec["shift"];
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.data()[i] = static_cast<float>(scale * double{tensor.data()[i]} + shift);
  }
  return spec["layout"] == "lanes" ? to_lanes(tensor) : tensor;
}

void check_close(const Tensor& actual, const std::vector<float>& expected, double tolerance) {
  const std::vector<float> values = actual.to_vector();
  REQUIRE(values.size() == expected.size());
  double largest = 1.0, difference = 0.0;
  std::size_t worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    largest = std::max(largest, std::abs(double{expected[i]}));
    const double d = std::abs(double{values[i]} - double{expected[i]});
    if (!(d <= difference)) worst = i;
    keep_largest(difference, d);
  }
  CAPTURE(worst);
  if (!values.empty()) {
    CAPTURE(values[worst]);
    CAPTURE(expected[worst]);
  }
  CHECK(difference <= tolerance * largest);
}

}  // namespace

void check_golden(const std::string& name, const std::function<Tensor(const std::vector<Tensor>&)>& f,
                  double tolerance) {
  CAPTURE(name);
  REQUIRE(golden_cases().contains(name));
  const nlohmann::json& golden = golden_cases()[name];
  std::vector<Tensor> inputs;
  for (const nlohmann::json& spec : golden["inputs"]) {
    inputs.push_back(input(spec, static_cast<std::uint32_t>(inputs.size())));
    inputs.back().set_requires_grad();
  }
  const Tensor y = f(inputs);
  const Shape shape(golden["output"]["shape"].get<std::vector<std::int64_t>>());
  REQUIRE(y.shape() == shape);
  check_close(y, golden["output"]["values"].get<std::vector<float>>(), tolerance);

  const Tensor cotangent = pseudo_random(shape, kCotangentSeed);
  backward_with(y, y.is_lanes() ? to_lanes(cotangent) : cotangent);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    CAPTURE(k);
    REQUIRE(inputs[k].grad().defined());
    check_close(inputs[k].grad(), golden["gradients"][k].get<std::vector<float>>(), tolerance);
  }
}

}  // namespace espalier::testing
