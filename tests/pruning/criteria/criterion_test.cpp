// What holds for every criterion, and one of weights alone.
#include "pruning/criteria/criterion.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "framework/core/error.h"
#include "framework/core/files.h"
#include "pruning/pruner.h"
#include "tests/pruning/parameters.h"
#include "tests/pruning/relative_magnitude.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using espalier::testing::Parameters;

TEST_CASE("lamp scores a weight by its share of what is left of the layer") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {1, 4});
  std::copy_n(std::vector<float>{-3, 1, 5, 2}.begin(), 4, p.value.data());
  p.mask = Mask::ones(p.value.shape());
  p.mask.data()[2] = 0;
  const std::vector<float> scores = criterion_registry().make("lamp")->scores(p).to_vector();
  CHECK(scores[0] == 1.0f);
  CHECK(scores[1] == doctest::Approx(1.0 / 14));
  CHECK(scores[3] == doctest::Approx(4.0 / 13));
}

TEST_CASE("random scores are uniform, of the seed and the layer alone, and their masks nest") {
  Parameters parameters;
  nn::Parameter& a = parameters.add("a.weight", {100, 100});
  nn::Parameter& b = parameters.add("b.weight", {100, 100});
  const auto scores = [](const nn::Parameter& p, double seed) {
    const auto random = criterion_registry().make("random");
    testing::SetFields keys;
    keys.numbers["seed"] = seed;
    random->fields(keys);
    return random->scores(p).to_vector();
  };
  const std::vector<float> first = scores(a, 1);
  std::vector<int> tenths(10, 0);
  for (const float score : first) ++tenths.at(static_cast<std::size_t>(10.0 * double{score}));
  for (const int tenth : tenths) CHECK(std::abs(tenth - 1000) < 150);  // five times sqrt(10000 * 0.1 * 0.9)
  a.value.zero_();
  CHECK(scores(a, 1) == first);
  CHECK(scores(a, 2) != first);
  CHECK(scores(b, 1) != first);

  const auto mask = [&](double sparsity) {
    a.mask = b.mask = {};
    PrunerSettings settings;
    settings.sparsity = sparsity;
    settings.criterion = criterion_registry().make("random");
    Pruner(std::move(settings), parameters.list(), 1).start();
    return a.mask.bytes().clone();
  };
  const Tensor half = mask(0.5), tenth = mask(0.9);
  for (std::int64_t i = 0; i < half.numel(); ++i)
    CHECK(tenth.data<std::uint8_t>()[i] <= half.data<std::uint8_t>()[i]);
}

TEST_CASE("the criterion that the README adds compares layers of different scales") {
  Parameters parameters;
  nn::Parameter& small = parameters.add("small.weight", {1, 3});
  nn::Parameter& large = parameters.add("large.weight", {1, 3});
  std::copy_n(std::vector<float>{1, -2, 3}.begin(), 3, small.value.data());
  std::copy_n(std::vector<float>{100, -200, 300}.begin(), 3, large.value.data());
  RelativeMagnitude criterion;
  CHECK(criterion.scores(small).to_vector() == std::vector<float>{0.5f, 1.0f, 1.5f});
  CHECK(criterion.scores(small).to_vector() == criterion.scores(large).to_vector());
  const std::string readme = read_file(std::string(ESPALIER_SOURCE_DIR) + "/pruning/README.md", 1 << 20),
                    recipe = read_file(
                        std::string(ESPALIER_SOURCE_DIR) + "/tests/pruning/relative_magnitude.h", 1 << 20);
  CHECK(readme.find("```cpp\n" + recipe + "```") != std::string::npos);
}

TEST_CASE("a criterion that scores a living weight as no number is refused, a pruned one does not matter") {
  class Ratio : public Criterion {
   public:
    Tensor scores(const nn::Parameter& parameter) override {
      Tensor scores = Tensor::empty(parameter.value.shape());
      for (std::int64_t i = 0; i < scores.numel(); ++i)
        scores.data()[i] = parameter.value.data()[i] / parameter.value.data()[i];
      return scores;
    }
  };
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {3, 5});
  p.value.data()[7] = 0.0f;
  Ratio ratio;
  CHECK_THROWS_WITH_AS(finite_scores(ratio, p), doctest::Contains("scores weight 7 of fc.weight as"), Error);
  p.mask = Mask::ones(p.value.shape());
  p.mask.data()[7] = 0;
  CHECK_NOTHROW(finite_scores(ratio, p));
}

TEST_CASE("a criterion that needs data says so when it has none") {
  Parameters parameters;
  parameters.add("fc.weight", {3, 5});
  PrunerSettings settings;
  settings.sparsity = 0.5;
  settings.criterion = criterion_registry().make("snip");
  settings.criterion_kind = "snip";
  Pruner pruner(std::move(settings), parameters.list(), 1);
  CHECK_THROWS_WITH_AS(pruner.start(), doctest::Contains("'snip' needs a network"), Error);
}
