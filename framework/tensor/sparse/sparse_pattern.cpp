#include "framework/tensor/sparse/sparse_pattern.h"

#include <algorithm>

#include "framework/core/error.h"
#include "kernels/base/parallel.h"

namespace espalier {
namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t taps_of(const Shape& shape) { return shape.numel() / (shape[0] * shape[1]); }

void check_mask(const Mask& mask) {
  const bool fits = !mask.dense() && (mask.bytes().rank() == 4 || mask.bytes().rank() == 2);
  check(fits, "sparse pattern", "expected a mask [OC, IC, KH, KW] or [OC, IC], got {}",
        mask.dense() ? std::string("a dense one") : mask.bytes().shape().str());
}

// Which blocks of one row of them keep a weight: row[block of inputs * taps + tap].
void find_kept(const Mask& mask, int block_size, std::int64_t output_block, std::vector<std::uint8_t>& row) {
  const Shape& shape = mask.bytes().shape();
  const std::int64_t OC = shape[0], IC = shape[1], taps = taps_of(shape), b = block_size;
  row.assign(static_cast<std::size_t>(divide_up(IC, b) * taps), 0);
  for (std::int64_t oc = output_block * b; oc < OC && oc < (output_block + 1) * b; ++oc) {
    for (std::int64_t ic = 0; ic < IC; ++ic) {
      const std::uint8_t* of_taps = mask.data() + (oc * IC + ic) * taps;
      for (std::int64_t tap = 0; tap < taps; ++tap)
        row[static_cast<std::size_t>(ic / b * taps + tap)] |= of_taps[tap];
    }
  }
}

}  // namespace

double density_in_blocks(const Mask& mask, int block_size) {
  check_mask(mask);
  const std::int64_t weights = mask.bytes().numel(), outputs = divide_up(mask.bytes().dim(0), block_size);
  if (block_size == 1) return static_cast<double>(mask.kept(weights)) / static_cast<double>(weights);
  std::vector<std::uint8_t> row;
  std::int64_t blocks = 0;
  for (std::int64_t o = 0; o < outputs; ++o) {
    find_kept(mask, block_size, o, row);
    blocks += std::count(row.begin(), row.end(), 1);
  }
  return static_cast<double>(blocks * block_size * block_size) / static_cast<double>(weights);
}

SparsePattern::SparsePattern(const Mask& mask, int block_size)
    : shape_(mask.bytes().defined() ? mask.bytes().shape() : Shape{}), block_size_(block_size) {
  check_mask(mask);
  check(kernels::sparse_block_supported(block_size), "sparse pattern",
        "there are kernels for blocks of 1 or 4 channels, got {}", block_size);
  const std::int64_t taps = taps_of(shape_);
  const std::int64_t outputs = divide_up(shape_[0], block_size), inputs = divide_up(shape_[1], block_size);

  std::vector<std::uint8_t> row;
  std::vector<std::int32_t> of_input(static_cast<std::size_t>(inputs) + 1, 0);  // blocks of inputs before
  for (std::int64_t o = 0; o < outputs; ++o) {
    output_begin_.push_back(static_cast<std::int32_t>(output_column_.size()));
    find_kept(mask, block_size, o, row);
    for (std::int64_t column = 0; column < inputs * taps; ++column) {
      if (row[static_cast<std::size_t>(column)] == 0) continue;
      output_column_.push_back(static_cast<std::int32_t>(column));
      ++of_input[static_cast<std::size_t>(column / taps) + 1];
    }
  }
  output_begin_.push_back(static_cast<std::int32_t>(output_column_.size()));

  // The transposed order: a stable sort by input, whose keys are few.
  for (std::size_t i = 1; i < of_input.size(); ++i) of_input[i] += of_input[i - 1];
  input_begin_ = of_input;
  input_column_.resize(output_column_.size());
  place_.resize(output_column_.size());
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int32_t k = output_begin_[static_cast<std::size_t>(o)];
         k < output_begin_[static_cast<std::size_t>(o) + 1]; ++k) {
      const std::int32_t column = output_column_[static_cast<std::size_t>(k)];
      const auto at = static_cast<std::size_t>(of_input[static_cast<std::size_t>(column / taps)]++);
      input_column_[at] = static_cast<std::int32_t>(o * taps + column % taps);
      place_[at] = k;
    }
  }
}

double SparsePattern::density() const {
  return static_cast<double>(blocks() * block_size_ * block_size_) / static_cast<double>(shape_.numel());
}

kernels::SparseBlocks SparsePattern::view() const {
  return {.size = block_size_,
          .count = blocks(),
          .by_output = {output_begin_.data(), output_column_.data()},
          .by_input = {input_begin_.data(), input_column_.data()},
          .place = place_.data()};
}

// body(place among the values, place among the weights or -1 beyond the channels)
template <class Body>
void SparsePattern::for_each_value(std::int64_t output_block, const Body& body) const {
  const std::int64_t OC = shape_[0], IC = shape_[1], taps = taps_of(shape_), b = block_size_;
  for (std::int32_t k = output_begin_[static_cast<std::size_t>(output_block)];
       k < output_begin_[static_cast<std::size_t>(output_block) + 1]; ++k) {
    const std::int64_t column = output_column_[static_cast<std::size_t>(k)];
    const std::int64_t first_ic = column / taps * b, tap = column % taps;
    for (std::int64_t i = 0; i < b * b; ++i) {
      const std::int64_t oc = output_block * b + i / b, ic = first_ic + i % b;
      body(k * b * b + i, oc < OC && ic < IC ? (oc * IC + ic) * taps + tap : -1);
    }
  }
}

Tensor SparsePattern::gather(const Tensor& dense) const {
  Tensor values = Tensor::empty({blocks(), block_size_, block_size_});
  gather(dense, values);
  return values;
}

void SparsePattern::gather(const Tensor& dense, Tensor& values) const {
  check(dense.shape() == shape_ && !dense.is_lanes(), "sparse pattern", "gather expects weights {}, got {}",
        shape_.str(), dense.shape().str());
  check_values(values, "gather");
  const float* from = dense.data();
  float* to = values.data();
  kernels::parallel_for(divide_up(shape_[0], block_size_), [&](std::int64_t o) {
    for_each_value(
        o, [&](std::int64_t value, std::int64_t weight) { to[value] = weight < 0 ? 0.0f : from[weight]; });
  });
}

Tensor SparsePattern::scatter(const Tensor& values) const {
  Tensor dense = Tensor::empty(shape_);
  scatter(values, dense.data());
  return dense;
}

void SparsePattern::scatter(const Tensor& values, float* to) const {
  check_values(values, "scatter");
  const float* from = values.data();
  const std::int64_t row = shape_.numel() / shape_[0];
  kernels::parallel_for(divide_up(shape_[0], block_size_), [&](std::int64_t o) {
    const std::int64_t begin = o * block_size_, end = std::min<std::int64_t>(begin + block_size_, shape_[0]);
    std::fill(to + begin * row, to + end * row, 0.0f);
    for_each_value(o, [&](std::int64_t value, std::int64_t weight) {
      if (weight >= 0) to[weight] = from[value];
    });
  });
}

std::vector<std::int32_t> SparsePattern::places() const {
  std::vector<std::int32_t> places(static_cast<std::size_t>(blocks() * block_size_ * block_size_));
  for (std::int64_t o = 0; o < divide_up(shape_[0], block_size_); ++o) {
    for_each_value(o, [&](std::int64_t value, std::int64_t weight) {
      places[static_cast<std::size_t>(value)] = static_cast<std::int32_t>(weight);
    });
  }
  return places;
}

void SparsePattern::check_values(const Tensor& values, const char* what) const {
  check(values.shape() == Shape{blocks(), block_size_, block_size_}, "sparse pattern",
        "{} expects {} values of {} x {}, got {}", what, blocks(), block_size_, block_size_,
        values.shape().str());
}

}  // namespace espalier
