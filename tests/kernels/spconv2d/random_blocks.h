// What the tests of sparse kernels share.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/spconv2d/spconv2d.h"

namespace espalier::kernels {

constexpr Conv2dPass kPasses[] = {Conv2dPass::forward, Conv2dPass::backward_data,
                                  Conv2dPass::backward_weights};

// Kept blocks drawn at random, with the index that owns what SparseBlocks points at.
struct RandomBlocks {
  std::vector<std::int32_t> output_begin, output_column, input_begin, input_column, place;
  SparseBlocks blocks;

  RandomBlocks(int OC, int IC, int taps, int size, double density, std::uint32_t seed) {
    std::mt19937 engine(seed);
    const int outputs = (OC + size - 1) / size, inputs = (IC + size - 1) / size;
    std::vector<std::int32_t> at(static_cast<std::size_t>(outputs) * inputs * taps, -1);
    const auto index = [&](int o, int i, int t) {
      return (static_cast<std::size_t>(o) * inputs + i) * taps + t;
    };
    for (int o = 0; o < outputs; ++o) {
      output_begin.push_back(static_cast<std::int32_t>(output_column.size()));
      for (int i = 0; i < inputs; ++i) {
        for (int t = 0; t < taps; ++t) {
          // Strictly below: density 0 keeps nothing, and 1 everything.
          if (static_cast<double>(engine() >> 8) * 0x1p-24 >= density) continue;
          at[index(o, i, t)] = static_cast<std::int32_t>(output_column.size());
          output_column.push_back(i * taps + t);
        }
      }
    }
    output_begin.push_back(static_cast<std::int32_t>(output_column.size()));
    for (int i = 0; i < inputs; ++i) {
      input_begin.push_back(static_cast<std::int32_t>(place.size()));
      for (int o = 0; o < outputs; ++o) {
        for (int t = 0; t < taps; ++t) {
          if (at[index(o, i, t)] < 0) continue;
          place.push_back(at[index(o, i, t)]);
          input_column.push_back(o * taps + t);
        }
      }
    }
    input_begin.push_back(static_cast<std::int32_t>(place.size()));
    blocks.size = size;
    blocks.count = static_cast<std::int64_t>(place.size());
    blocks.by_output = {output_begin.data(), output_column.data()};
    blocks.by_input = {input_begin.data(), input_column.data()};
    blocks.place = place.data();
  }

  std::size_t value_count() const {
    return static_cast<std::size_t>(blocks.count * blocks.size * blocks.size);
  }
};

}  // namespace espalier::kernels
