#include "kernels/splinear/break_even.h"

#include "kernels/base/lanes.h"

namespace espalier::kernels {
namespace {

// The lowest break-even that `espalier bench sparse` found among a transformer's layers, less a tenth so that
// a choice near it is never much the slower one (README.md). By pass.
struct BreakEven {
  double single, block;
};
constexpr BreakEven kBreakEven[] = {{0.30, 0.45}, {0.31, 0.45}, {0.14, 0.085}};
// As of convolutions (spconv2d/break_even.cpp).
constexpr double kOfBf16 = 0.6;
// Registers hold rows of 16 tokens; those beyond the last are computed for nothing.
constexpr std::int64_t kRow = 16;

}  // namespace

double break_even_density(const LinearShape& s, Conv2dPass pass, int block_size) {
  if (s.element == Element::bf16 && linear_bf16().isa == Isa::amx) return 0.0;
  const double of_element = s.element == Element::bf16 ? kOfBf16 : 1.0;
  const std::int64_t tokens = groups(s.N) * s.T, computed = (tokens + kRow - 1) / kRow * kRow;
  const BreakEven& row = kBreakEven[static_cast<int>(pass)];
  return of_element * (block_size == 1 ? row.single : row.block) * static_cast<double>(tokens) /
         static_cast<double>(computed);
}

}  // namespace espalier::kernels
