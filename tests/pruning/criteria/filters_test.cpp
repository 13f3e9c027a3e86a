// Criteria of whole filters.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "framework/core/error.h"
#include "framework/nn/modules/relu.h"
#include "framework/nn/modules/sequential.h"
#include "pruning/pruner.h"
#include "tests/pruning/criteria/networks.h"
#include "tests/pruning/parameters.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using namespace espalier::testing;

TEST_CASE("fpgm scores least the filter that lies between the others") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("conv.weight", {3, 1, 1, 2});
  std::copy_n(std::vector<float>{0, 0, 3, 4, 9, 12}.begin(), 6, p.value.data());
  CHECK(criterion_registry().make("fpgm")->scores(p).to_vector() ==
        std::vector<float>{20, 20, 15, 15, 25, 25});
}

TEST_CASE("apoz is one minus the share of zeros behind the activation") {
  nn::Sequential model;
  const auto first = model.add(std::make_shared<nn::Linear>(kInputs, 3));
  model.add(std::make_shared<nn::ReLU>());
  model.add(std::make_shared<nn::Linear>(3, kClasses));
  nn::initialise(model, 1);
  const std::vector<nn::Parameter*> parameters = model.parameters();
  std::copy_n(std::vector<float>{-100, 100, 0}.begin(), 3, parameters[1]->value.data());
  const Tensor images = testing::random_tensor({kImages, kInputs}, Layout::plain, 3);
  const Tensor labels = Tensor::zeros({kImages}, Layout::plain, DType::i32);
  const ScoringData data{model, Shape({kInputs}), [&](std::int64_t, float) {
                           return ops::cross_entropy(model(to_lanes(images)), labels);
                         }};
  first->eval();  // frozen in a model that trains
  const std::vector<float> before = everything_in(model);
  const std::vector<float> scores = measured_scores("apoz", data, *parameters[0]);
  CHECK(everything_in(model) == before);
  CHECK(model.is_training());
  CHECK_FALSE(first->is_training());
  int alive = 0;  // images for which the third neuron is not 0
  for (std::int64_t n = 0; n < kImages; ++n) {
    double z = 0.0;
    for (std::int64_t i = 0; i < kInputs; ++i)
      z += double{parameters[0]->value.data()[2 * kInputs + i]} * double{images.data()[n * kInputs + i]};
    alive += z > 0.0;
  }
  REQUIRE(alive > 0);
  REQUIRE(alive < kImages);
  for (std::size_t i = 0; i < kInputs; ++i) {
    CHECK(scores[i] == 0.0f);
    CHECK(scores[kInputs + i] == 1.0f);
    CHECK(scores[2 * kInputs + i] == doctest::Approx(static_cast<double>(alive) / kImages));
  }
  const auto both = criterion_registry().make("apoz");
  both->measure(data, std::vector<nn::Parameter*>{parameters[0], parameters[2]});
  CHECK(both->scores(*parameters[2]).to_vector() == std::vector<float>(3 * kClasses, 1.0f));
  CHECK_THROWS_WITH_AS(measured_scores("apoz", data, *parameters[2]), doctest::Contains("needs a ReLU"),
                       Error);
}

TEST_CASE("bn_scale is the size of the scale behind each filter, and its penalty pulls scales to 0") {
  const auto model = chain();
  const Tensor images = testing::random_tensor({2, 3, 32, 32}, Layout::lanes, 3);
  const Tensor labels = Tensor::zeros({2}, Layout::plain, DType::i32);
  const ScoringData data{*model, Shape({3, 32, 32}),
                         [&](std::int64_t, float) { return ops::cross_entropy((*model)(images), labels); }};
  const std::vector<nn::Parameter*> parameters = model->parameters();
  nn::Parameter* conv = nullptr;
  for (nn::Parameter* parameter : parameters) {
    const bool is_conv = parameter->kind == nn::ParameterKind::weight && parameter->value.shape().rank() == 4;
    if (is_conv) conv = parameter;
    if (parameter->kind != nn::ParameterKind::norm || !parameter->name.ends_with("weight")) continue;
    REQUIRE(conv != nullptr);
    for (std::int64_t c = 0; c < parameter->value.numel(); ++c)
      parameter->value.data()[c] = static_cast<float>(c % 5 - 2);
    const std::vector<float> scores = measured_scores("bn_scale", data, *conv);
    const std::size_t size = scores.size() / static_cast<std::size_t>(conv->value.dim(0));
    for (std::size_t i = 0; i < scores.size(); ++i)
      REQUIRE(scores[i] == std::abs(static_cast<float>(static_cast<std::int64_t>(i / size) % 5 - 2)));

    parameter->value.set_grad(Tensor::zeros(parameter->value.shape()));
    const auto criterion = criterion_registry().make("bn_scale");
    testing::SetFields keys;
    keys.numbers["penalty"] = 0.25;
    criterion->fields(keys);
    criterion->observe({0, 0.1}, parameters);
    const std::vector<float> pull = parameter->grad().to_vector();
    CHECK(std::vector<float>(pull.begin(), pull.begin() + 5) ==
          std::vector<float>{-0.25f, -0.25f, 0.0f, 0.25f, 0.25f});
    model->zero_grad();
  }
  CHECK_THROWS_WITH_AS(measured_scores("bn_scale", data, *parameters[parameters.size() - 2]),
                       doctest::Contains("no batch norm follows"), Error);

  // The classifier, which has none, is among the targets; with dependencies it has to stay, and is not asked.
  PrunerSettings settings;
  settings.sparsity = 0.3;
  settings.dependencies = true;
  settings.granularity = granularity_registry().make(settings.granularity_kind = "filter");
  settings.criterion = criterion_registry().make(settings.criterion_kind = "bn_scale");
  Pruner pruner(std::move(settings), parameters, 1);
  pruner.set_data(&data);
  pruner.start();
  CHECK(pruner.density() < 0.8);
}
