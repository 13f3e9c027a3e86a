#include "framework/nn/positions.h"

#include <cmath>

#include "framework/core/error.h"

namespace espalier::nn {
namespace {

// place / 10000^exponent
double angle(std::int64_t place, double exponent) {
  return static_cast<double>(place) / std::pow(10000.0, exponent);
}

}  // namespace

Tensor sine_positions(std::int64_t tokens, std::int64_t dim) {
  Tensor table = Tensor::empty({1, tokens, dim});
  float* to = table.data();
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t f = 0; f < dim; ++f) {
      const double a = angle(t, static_cast<double>(f / 2 * 2) / static_cast<double>(dim));
      *to++ = static_cast<float>(f % 2 == 0 ? std::sin(a) : std::cos(a));
    }
  }
  return table;
}

Tensor sine_positions_2d(std::int64_t rows, std::int64_t columns, std::int64_t dim) {
  check(dim % 4 == 0, "sine_positions_2d", "dim expects a multiple of 4, got {}", dim);
  Tensor table = Tensor::empty({1, rows * columns, dim});
  const std::int64_t quarter = dim / 4;
  for (std::int64_t token = 0; token < rows * columns; ++token) {
    float* to = table.data() + token * dim;
    for (std::int64_t i = 0; i < quarter; ++i) {
      const double exponent = static_cast<double>(i) / static_cast<double>(quarter);
      const double x = angle(token % columns, exponent), y = angle(token / columns, exponent);
      to[i] = static_cast<float>(std::sin(x));
      to[i + quarter] = static_cast<float>(std::cos(x));
      to[i + 2 * quarter] = static_cast<float>(std::sin(y));
      to[i + 3 * quarter] = static_cast<float>(std::cos(y));
    }
  }
  return table;
}

}  // namespace espalier::nn
