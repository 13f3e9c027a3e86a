#include "datasets/split.h"

#include <algorithm>
#include <vector>

#include "datasets/memory_dataset.h"
#include "datasets/permutation.h"
#include "framework/core/error.h"

namespace espalier::datasets {
namespace {

// How many of each class to take so that `total` are taken in all: the shares rounded down, then one more for
// the classes with the largest remainders.
std::vector<std::int64_t> shares(const std::vector<std::vector<std::int64_t>>& members, std::int64_t total,
                                 std::int64_t size) {
  std::vector<std::int64_t> take(members.size());
  std::vector<std::size_t> order(members.size());
  std::int64_t left = total;
  for (std::size_t c = 0; c < members.size(); ++c) {
    take[c] = static_cast<std::int64_t>(members[c].size()) * total / size;
    left -= take[c];
    order[c] = c;
  }
  const auto remainder = [&](std::size_t c) {
    return static_cast<std::int64_t>(members[c].size()) * total % size;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainder(a) > remainder(b); });
  for (std::size_t i = 0; i < static_cast<std::size_t>(left); ++i) ++take[order[i]];
  return take;
}

}  // namespace

Parts split_stratified(std::shared_ptr<const Dataset> whole, std::int64_t second_images, std::uint64_t seed) {
  const std::int64_t size = whole->size();
  if (second_images < 0 || second_images > size) {
    fail(ErrorKind::usage, "split", "{} images cannot be set apart out of {}", second_images, size);
  }
  if (second_images == 0) return {std::move(whole), nullptr};
  if (second_images == size) return {nullptr, std::move(whole)};

  std::vector<std::vector<std::int64_t>> members(static_cast<std::size_t>(whole->classes()));
  for (std::int64_t i = 0; i < size; ++i) members[static_cast<std::size_t>(whole->label(i))].push_back(i);
  const std::vector<std::int64_t> take = shares(members, second_images, size);

  std::vector<bool> is_second(static_cast<std::size_t>(size));
  for (std::size_t c = 0; c < members.size(); ++c) {
    const auto order = random_permutation(static_cast<std::int64_t>(members[c].size()), seed, "split", c);
    for (std::int64_t i = 0; i < take[c]; ++i) {
      const auto member = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
      is_second[static_cast<std::size_t>(members[c][member])] = true;
    }
  }
  std::vector<std::int64_t> first, second;
  for (std::int64_t i = 0; i < size; ++i) {
    (is_second[static_cast<std::size_t>(i)] ? second : first).push_back(i);
  }
  return {std::make_shared<Subset>(whole, std::move(first)),
          std::make_shared<Subset>(whole, std::move(second))};
}

}  // namespace espalier::datasets
