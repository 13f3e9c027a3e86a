#include "kernels/splinear/break_even.h"

#include "kernels/base/lanes.h"
#include "kernels/spconv2d/break_even_table.h"
#include "kernels/spconv2d/subtile.h"

namespace espalier::kernels {
namespace {

// By pass.
constexpr BreakEven kBreakEven[] = {{0.30, 0.45}, {0.31, 0.45}, {0.14, 0.085}};
// Where dense products of bf16 are those of matrix tiles.
constexpr BreakEven kTiles[] = {{0.035, 0.08}, {0.02, 0.053}, {0.022, 0.063}};

// Tokens that the registers hold.
int tokens_together(Conv2dPass pass, int block_size, std::int64_t tokens) {
  if (pass == Conv2dPass::backward_weights && block_size > 1) {
    return dot_product_subtile(1, static_cast<int>(tokens)).columns;
  }
  return row_subtile(active_isa(), block_size).columns;
}

}  // namespace

double break_even_density(const LinearShape& s, Conv2dPass pass, int block_size) {
  const std::int64_t tokens = groups(s.N) * s.T;
  const int row = static_cast<int>(pass);
  const bool tiles = s.element == Element::bf16 && linear_bf16().isa == Isa::amx;
  return (tiles ? kTiles[row].of(block_size) : kBreakEven[row].of(block_size, s.element)) *
         used_fraction(tokens, tokens_together(pass, block_size, tokens));
}

}  // namespace espalier::kernels
