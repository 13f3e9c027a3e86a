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

// What goes: everything below `key`, and of what equals it as much as `ties_budget` holds, in order.
struct Threshold {
  std::uint32_t key = 0;
  std::int64_t ties_budget = 0;

  bool takes(std::uint32_t k, std::int64_t weight) {
    if (k < key || k == kPrunedBefore) return true;
    if (k != key || k == kProtected || ties_budget < weight) return false;
    ties_budget -= weight;
    return true;
  }
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
    protect_above_ = find_threshold(
        [&](const auto& visit) {
          for (std::size_t i = 0; i < layer_.scores.size(); ++i) {
            if (layer_.alive[i] != 0) visit(key(layer_.scores[i]), 1);
          }
        },
        alive - std::min(alive, layer.at_least));
  }

  // Visits the units in order as visit(index, key).
  template <class Visit>
  void for_each(const Visit& visit) const {
    Threshold unprotected = protect_above_;
    for (std::size_t i = 0; i < layer_.scores.size(); ++i) {
      const std::uint32_t k = layer_.alive[i] == 0 ? kPrunedBefore : key(layer_.scores[i]);
      visit(i, unprotected.takes(k, 1) ? k : kProtected);
    }
  }

 private:
  const Units& layer_;
  Threshold protect_above_;
};

// How many units of each layer are protected from a budget that would have taken them.
std::vector<std::int64_t> count_saved(std::span<const Units> layers, const std::vector<LayerKeys>& keys,
                                      std::int64_t budget) {
  const auto unprotected = [&](std::size_t l, std::size_t i) {
    return layers[l].alive[i] == 0 ? kPrunedBefore : key(layers[l].scores[i]);
  };
  Threshold threshold = find_threshold(
      [&](const auto& visit) {
        for (std::size_t l = 0; l < layers.size(); ++l) {
          for (std::size_t i = 0; i < layers[l].scores.size(); ++i)
            visit(unprotected(l, i), layers[l].weights_per_unit);
        }
      },
      budget);
  std::vector<std::int64_t> saved(layers.size(), 0);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    keys[l].for_each([&](std::size_t i, std::uint32_t k) {
      const bool would_go = threshold.takes(unprotected(l, i), layers[l].weights_per_unit);
      if (would_go && k == kProtected) ++saved[l];
    });
  }
  return saved;
}

}  // namespace

std::vector<std::int64_t> select_units(std::span<Units> layers, std::int64_t budget) {
  const std::vector<LayerKeys> keys(layers.begin(), layers.end());
  Threshold threshold = find_threshold(
      [&](const auto& visit) {
        for (std::size_t l = 0; l < layers.size(); ++l) {
          keys[l].for_each([&](std::size_t, std::uint32_t k) { visit(k, layers[l].weights_per_unit); });
        }
      },
      budget);

  const std::uint32_t last = threshold.key;
  bool may_have_saved = false;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    keys[l].for_each([&](std::size_t i, std::uint32_t k) {
      layers[l].keep[i] = threshold.takes(k, layers[l].weights_per_unit) ? 0 : 1;
      may_have_saved = may_have_saved || (k == kProtected && key(layers[l].scores[i]) <= last);
    });
  }
  return may_have_saved ? count_saved(layers, keys, budget) : std::vector<std::int64_t>(layers.size(), 0);
}

}  // namespace espalier::pruning
