#include "pruning/selection.h"

#include <algorithm>
#include <bit>

namespace espalier::pruning {
namespace {

// Order-preserving: key(a) < key(b) exactly when a < b. Keys of finite scores stay off both ends, which mark
// units whose fate is sealed.
constexpr std::uint32_t kPrunedBefore = 0;
constexpr std::uint32_t kProtected = 0xFFFFFFFFu;

std::uint32_t key(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score == 0.0f ? 0.0f : score);  // -0 and 0 are equal
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

// Everything below `key` is in; of what equals it, as much as `ties_budget` holds.
struct Threshold {
  std::uint32_t key = 0;
  std::int64_t ties_budget = 0;
};

// for_each_unit(visit) calls visit(key, weight) for every unit. Finds how far up a budget of weight reaches.
template <class ForEachUnit>
Threshold find_threshold(const ForEachUnit& for_each_unit, std::int64_t budget) {
  constexpr std::uint32_t kBins = 1u << 16;
  std::vector<std::int64_t> histogram(kBins, 0);  // weight a bin
  const auto first_bin_over_budget = [&] {
    for (std::uint32_t bin = 0; bin < kBins; ++bin) {
      if (histogram[bin] > budget) return bin;
      budget -= histogram[bin];
    }
    return kBins;
  };
  for_each_unit([&](std::uint32_t k, std::int64_t weight) { histogram[k >> 16] += weight; });
  const std::uint32_t high = first_bin_over_budget();
  if (high == kBins) return {kProtected, 0};
  std::fill(histogram.begin(), histogram.end(), 0);
  for_each_unit([&](std::uint32_t k, std::int64_t weight) {
    if (k >> 16 == high) histogram[k & 0xFFFFu] += weight;
  });
  const std::uint32_t low = first_bin_over_budget();
  return {(high << 16) | low, budget};
}

// The keys of one layer's units, its best `at_least` protected.
class LayerKeys {
 public:
  explicit LayerKeys(const Units& layer) : layer_(layer) {
    const std::int64_t alive = std::count(layer.alive.begin(), layer.alive.end(), std::uint8_t{1});
    // The best k are the alive units that remain when the worst alive - k are taken away.
    const Threshold t = find_threshold(
        [&](const auto& visit) {
          for (std::size_t i = 0; i < layer_.scores.size(); ++i) {
            if (layer_.alive[i] != 0) visit(key(layer_.scores[i]), 1);
          }
        },
        alive - std::min(alive, layer.at_least));
    protect_above_ = t;
  }

  // Visits the units in order as visit(index, key).
  template <class Visit>
  void for_each(const Visit& visit) const {
    std::int64_t ties_left = protect_above_.ties_budget;
    for (std::size_t i = 0; i < layer_.scores.size(); ++i) {
      if (layer_.alive[i] == 0) {
        visit(i, kPrunedBefore);
        continue;
      }
      const std::uint32_t k = key(layer_.scores[i]);
      const bool tie_taken = k == protect_above_.key && ties_left-- > 0;
      visit(i, k < protect_above_.key || tie_taken ? k : kProtected);
    }
  }

 private:
  const Units& layer_;
  Threshold protect_above_;
};

}  // namespace

std::vector<std::int64_t> select_units(std::span<Units> layers, std::int64_t budget) {
  const std::vector<LayerKeys> keys(layers.begin(), layers.end());
  const Threshold threshold = find_threshold(
      [&](const auto& visit) {
        for (std::size_t l = 0; l < layers.size(); ++l) {
          keys[l].for_each([&](std::size_t, std::uint32_t k) { visit(k, layers[l].weights_per_unit); });
        }
      },
      budget);

  std::vector<std::int64_t> saved(layers.size(), 0);
  std::int64_t ties_budget = threshold.ties_budget;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    keys[l].for_each([&](std::size_t i, std::uint32_t k) {
      bool pruned = k < threshold.key || k == kPrunedBefore;
      if (k == threshold.key && k != kProtected && ties_budget >= layers[l].weights_per_unit) {
        ties_budget -= layers[l].weights_per_unit;
        pruned = true;
      }
      layers[l].keep[i] = pruned ? 0 : 1;
      if (k == kProtected && key(layers[l].scores[i]) < threshold.key) ++saved[l];
    });
  }
  return saved;
}

}  // namespace espalier::pruning
