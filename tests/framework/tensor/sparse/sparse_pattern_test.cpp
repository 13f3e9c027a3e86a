#include "framework/tensor/sparse/sparse_pattern.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "framework/core/error.h"

using namespace espalier;

namespace {

Mask random_mask(const Shape& shape, double density, std::uint32_t seed) {
  std::mt19937 engine(seed);
  Tensor bytes = Tensor::empty(shape, Layout::plain, DType::u8);
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    bytes.data<std::uint8_t>()[i] = static_cast<double>(engine() >> 8) * 0x1p-24 < density ? 1 : 0;
  }
  return Mask::from(bytes);
}

Tensor masked_values(const Mask& mask) {
  const Shape& shape = mask.bytes().shape();
  Tensor values = Tensor::empty(shape);
  for (std::int64_t i = 0; i < shape.numel(); ++i) values.data()[i] = 0.5f + static_cast<float>(i);
  mask.apply_(values);
  return values;
}

}  // namespace

TEST_CASE("masked weights come back exactly from their kept values") {
  std::uint32_t seed = 1;
  for (const Shape& shape :
       {Shape{1, 1, 1, 1}, Shape{5, 7, 3, 3}, Shape{16, 8, 1, 2}, Shape{9, 4, 3, 1}, Shape{9, 7}}) {
    for (int block : {1, 4}) {
      for (double density : {0.0, 0.1, 0.5, 1.0}) {
        const Mask mask = random_mask(shape, density, ++seed);
        const SparsePattern pattern(mask, block);
        const Tensor dense = masked_values(mask), values = pattern.gather(dense);
        CHECK(values.shape() == Shape{pattern.blocks(), block, block});
        CHECK(pattern.scatter(values).to_vector() == dense.to_vector());
        if (block == 1) CHECK(pattern.blocks() == mask.kept(shape.numel()));
      }
    }
  }
}

TEST_CASE("the rows of inputs name the same blocks as the rows of outputs") {
  const Mask mask = random_mask({10, 6, 3, 2}, 0.3, 9);
  for (int block : {1, 4}) {
    const SparsePattern pattern(mask, block);
    const kernels::SparseBlocks view = pattern.view();
    const int taps = 6, inputs = (6 + block - 1) / block, outputs = (10 + block - 1) / block;
    std::vector<bool> seen(static_cast<std::size_t>(view.count), false);
    for (int i = 0; i < inputs; ++i) {
      for (int k = view.by_input.begin[i]; k < view.by_input.begin[i + 1]; ++k) {
        if (k > view.by_input.begin[i]) CHECK(view.by_input.column[k] > view.by_input.column[k - 1]);
        const int o = view.by_input.column[k] / taps, tap = view.by_input.column[k] % taps;
        REQUIRE(o < outputs);
        const int place = view.place[k];
        CHECK(place >= view.by_output.begin[o]);
        CHECK(place < view.by_output.begin[o + 1]);
        CHECK(view.by_output.column[place] == i * taps + tap);
        seen[static_cast<std::size_t>(place)] = true;
      }
    }
    CHECK(std::count(seen.begin(), seen.end(), true) == view.count);
  }
}

TEST_CASE("a block is kept when one of its weights is") {
  Tensor bytes = Tensor::empty({8, 8, 1, 1}, Layout::plain, DType::u8);
  std::fill_n(bytes.data<std::uint8_t>(), 64, std::uint8_t{0});
  bytes.data<std::uint8_t>()[5 * 8 + 2] = 1;
  const SparsePattern pattern(Mask::from(bytes), 4);
  CHECK(pattern.blocks() == 1);
  CHECK(pattern.density() == 0.25);
  CHECK(pattern.view().by_output.begin[1] == 0);  // of output channels 0 to 3: none
}

TEST_CASE("patterns refuse what has no sparse kernel") {
  CHECK_THROWS_AS(SparsePattern(Mask(), 1), Error);
  CHECK_THROWS_AS(SparsePattern(random_mask({4, 4, 4}, 0.5, 1), 1), Error);
  CHECK_THROWS_AS(SparsePattern(random_mask({4, 4, 1, 1}, 0.5, 1), 3), Error);
}
