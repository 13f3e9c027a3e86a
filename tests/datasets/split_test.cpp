#include "datasets/split.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "datasets/permutation.h"
#include "tests/datasets/support.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::datasets::testing;

namespace {

// Images as text, to tell them apart.
std::vector<std::string> images_of(const Dataset& dataset) {
  std::vector<std::string> images;
  std::string image(static_cast<std::size_t>(dataset.image_shape().numel()), '\0');
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    dataset.read(i, reinterpret_cast<std::uint8_t*>(image.data()));
    images.push_back(image);
  }
  return images;
}

std::map<std::int32_t, int> class_counts(const Dataset& dataset) {
  std::map<std::int32_t, int> count;
  for (std::int64_t i = 0; i < dataset.size(); ++i) ++count[dataset.label(i)];
  return count;
}

}  // namespace

TEST_CASE("split: each image lands in one part, in its order, and classes keep their shares") {
  const auto whole = random_dataset(103, {1, 4, 4}, 4);  // classes of 26, 26, 26 and 25
  const Parts parts = split_stratified(whole, 30, 5);
  REQUIRE(parts.first->size() == 73);
  REQUIRE(parts.second->size() == 30);
  for (const auto& [label, count] : class_counts(*parts.second)) {
    CHECK(count >= 7);  // 30 * 26 / 103 = 7.6
    CHECK(count <= 8);
  }
  const std::vector<std::string> all = images_of(*whole);
  std::set<std::string> seen;
  for (const auto& part : {parts.first, parts.second}) {
    std::ptrdiff_t before = -1;
    for (const std::string& image : images_of(*part)) {
      const std::ptrdiff_t at = std::find(all.begin(), all.end(), image) - all.begin();
      CHECK(at > before);
      before = at;
      seen.insert(image);
    }
  }
  CHECK(seen.size() == 103);
}

TEST_CASE("split: the seed decides") {
  const auto whole = random_dataset(100, {1, 4, 4});
  const auto drawn = images_of(*split_stratified(whole, 20, 1).second);
  CHECK(drawn == images_of(*split_stratified(whole, 20, 1).second));
  CHECK(drawn != images_of(*split_stratified(whole, 20, 2).second));
}

TEST_CASE("split: nothing or everything set apart leaves one part") {
  const auto whole = random_dataset(10, {1, 4, 4});
  CHECK(split_stratified(whole, 0, 0).first == whole);
  CHECK(split_stratified(whole, 0, 0).second == nullptr);
  CHECK(split_stratified(whole, 10, 0).second == whole);
  check_error(ErrorKind::usage, {"11 images", "out of 10"}, [&] { split_stratified(whole, 11, 0); });
}

TEST_CASE("permutation: every order of four is as likely as any other") {
  std::map<std::vector<std::int64_t>, int> count;
  constexpr int kDraws = 24000;
  for (std::uint64_t i = 0; i < kDraws; ++i) ++count[random_permutation(4, 1, "test", i)];
  CHECK(count.size() == 24);
  // 1000 expected of each, with a standard deviation of 31: five of them.
  for (const auto& [order, n] : count) CHECK(std::abs(n - 1000) < 155);
}

TEST_CASE("memory data sets refuse labels and sizes that do not fit") {
  check_error(ErrorKind::failure, {"labels are 0 .. 1", "got 2"}, [] {
    MemoryDataset({1, 1, 1}, 2, {0, 0}, {0, 2});
  });
  check_error(ErrorKind::failure, {"8 bytes", "got 7"}, [] {
    MemoryDataset({1, 2, 2}, 2, std::vector<std::uint8_t>(7), {0, 1});
  });
}
