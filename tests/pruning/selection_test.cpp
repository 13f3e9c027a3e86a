#include "pruning/selection.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "framework/core/random.h"

using namespace espalier;
using namespace espalier::pruning;

namespace {

struct Layer {
  std::vector<float> scores;
  std::vector<std::uint8_t> alive, keep;
  std::int64_t weights_per_unit = 1, at_least = 0;
};

std::vector<std::int64_t> select(std::vector<Layer>& layers, std::int64_t budget) {
  std::vector<Units> units;
  for (Layer& l : layers) {
    l.keep.assign(l.scores.size(), 9);
    units.push_back({l.scores, l.alive, l.weights_per_unit, l.at_least, l.keep});
  }
  return select_units(units, budget);
}

// The same rule by sorting: who is protected, then lowest score first until one does not fit.
std::vector<std::int64_t> select_by_sorting(std::vector<Layer>& layers, std::int64_t budget) {
  struct Unit {
    float score;
    std::size_t layer, index;
  };
  std::vector<Unit> candidates;
  std::vector<Layer> without_floor = layers;
  const std::int64_t whole_budget = budget;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    std::vector<Unit> alive;
    for (std::size_t i = 0; i < layers[l].scores.size(); ++i) {
      layers[l].keep[i] = layers[l].alive[i];
      if (layers[l].alive[i] != 0)
        alive.push_back({layers[l].scores[i], l, i});
      else
        budget -= layers[l].weights_per_unit;
    }
    std::stable_sort(alive.begin(), alive.end(),
                     [](const Unit& a, const Unit& b) { return a.score < b.score; });
    const auto keep = std::min(alive.size(), static_cast<std::size_t>(layers[l].at_least));
    candidates.insert(candidates.end(), alive.begin(), alive.end() - static_cast<std::ptrdiff_t>(keep));
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Unit& a, const Unit& b) {
    return a.score != b.score   ? a.score < b.score
           : a.layer != b.layer ? a.layer < b.layer
                                : a.index < b.index;
  });
  for (const Unit& unit : candidates) {
    budget -= layers[unit.layer].weights_per_unit;
    if (budget < 0) break;
    layers[unit.layer].keep[unit.index] = 0;
  }
  std::vector<std::int64_t> saved(layers.size(), 0);
  const auto has_floor = [](const Layer& l) { return l.at_least > 0; };
  if (std::none_of(layers.begin(), layers.end(), has_floor)) return saved;
  for (Layer& l : without_floor) l.at_least = 0;
  select_by_sorting(without_floor, whole_budget);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto is_candidate = [&](std::size_t i) {
      return std::any_of(candidates.begin(), candidates.end(),
                         [&](const Unit& unit) { return unit.layer == l && unit.index == i; });
    };
    for (std::size_t i = 0; i < layers[l].keep.size(); ++i)
      saved[l] += layers[l].alive[i] != 0 && without_floor[l].keep[i] == 0 && !is_candidate(i) ? 1 : 0;
  }
  return saved;
}

}  // namespace

TEST_CASE("the lowest scores of all layers together are pruned") {
  std::vector<Layer> layers(2);
  layers[0] = {{0.5f, 0.1f, 0.9f}, {1, 1, 1}, {}, 1, 0};
  layers[1] = {{0.2f, 0.3f}, {1, 1}, {}, 1, 0};
  select(layers, 3);
  CHECK(layers[0].keep == std::vector<std::uint8_t>{1, 0, 1});
  CHECK(layers[1].keep == std::vector<std::uint8_t>{0, 0});
}

TEST_CASE("a layer keeps its best units, and says how many it would have lost") {
  std::vector<Layer> layers(2);
  layers[0] = {{0.1f, 0.2f, 0.3f}, {1, 1, 1}, {}, 1, 1};
  layers[1] = {{5.0f, 6.0f, 7.0f}, {1, 1, 1}, {}, 1, 1};
  const std::vector<std::int64_t> saved = select(layers, 3);
  CHECK(layers[0].keep == std::vector<std::uint8_t>{0, 0, 1});
  CHECK(layers[1].keep == std::vector<std::uint8_t>{0, 1, 1});
  CHECK(saved == std::vector<std::int64_t>{1, 0});
}

TEST_CASE("units that the budget would not have reached are not saved from it") {
  std::vector<Layer> layers(1);
  layers[0] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, std::vector<std::uint8_t>(10, 1), {}, 1, 1};
  CHECK(select(layers, 9) == std::vector<std::int64_t>{0});
  CHECK(std::count(layers[0].keep.begin(), layers[0].keep.end(), std::uint8_t{1}) == 1);
  CHECK(select(layers, 10) == std::vector<std::int64_t>{1});
}

TEST_CASE("what was pruned stays pruned, whatever it scores") {
  std::vector<Layer> layers(1);
  layers[0] = {{9.0f, 0.1f, 0.2f, 0.3f}, {0, 1, 1, 1}, {}, 1, 0};
  select(layers, 2);
  CHECK(layers[0].keep == std::vector<std::uint8_t>{0, 0, 1, 1});
}

TEST_CASE("a unit that does not fit into the budget stays") {
  std::vector<Layer> layers(1);
  layers[0] = {{0.1f, 0.2f, 0.3f}, {1, 1, 1}, {}, 10, 0};
  select(layers, 19);
  CHECK(layers[0].keep == std::vector<std::uint8_t>{0, 1, 1});
}

TEST_CASE("selection agrees with sorting on random layers") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed, "selection test");
    std::vector<Layer> layers(1 + random.below(4));
    std::int64_t weights = 0;
    for (Layer& l : layers) {
      const std::uint32_t units = 1 + random.below(60);
      l.weights_per_unit = 1;
      l.at_least = random.below(4);
      const bool coarse = random.below(2) == 0;  // many equal scores
      for (std::uint32_t i = 0; i < units; ++i) {
        l.scores.push_back(coarse ? static_cast<float>(random.below(5)) - 2.0f : random.normal());
        l.alive.push_back(random.below(5) != 0);
      }
      weights += units;
    }
    const std::int64_t budget = random.below(static_cast<std::uint32_t>(weights) + 2);
    const std::vector<std::int64_t> saved = select(layers, budget);
    std::vector<Layer> expected = layers;
    CAPTURE(seed);
    CHECK(saved == select_by_sorting(expected, budget));
    for (std::size_t l = 0; l < layers.size(); ++l) CHECK(layers[l].keep == expected[l].keep);
  }
}
