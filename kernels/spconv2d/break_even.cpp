#include "kernels/spconv2d/break_even.h"

#include <string_view>

#include "kernels/conv2d/candidates.h"
#include "kernels/spconv2d/break_even_table.h"
#include "kernels/spconv2d/subtile.h"

namespace espalier::kernels {
namespace {

// Winograd does a quarter of the multiplications of direct kernels.
struct PassTable {
  BreakEven winograd[3], direct[3];  // by pass
};
// Zen 4.
constexpr PassTable kAvx512 = {{{0.13, 0.18}, {0.135, 0.185}, {0.125, 0.195}},
                               {{0.22, 0.45}, {0.35, 0.45}, {0.25, 0.45}}};
// Zen 3; with 16 registers fewer sums wait in them. Taken for the other ISAs too.
constexpr PassTable kAvx2 = {{{0.08, 0.125}, {0.065, 0.11}, {0.042, 0.02}},
                             {{0.28, 0.27}, {0.29, 0.45}, {0.115, 0.075}}};
// Of bf16, where dense products are those of matrix tiles: Emerald Rapids.
constexpr BreakEven kTiles[] = {{0.023, 0.05}, {0.025, 0.04}, {0.035, 0.045}};

// What the registers hold of an output of so many places.
Subtile subtile_of(Conv2dPass pass, int block_size, int rows, int columns) {
  if (pass == Conv2dPass::backward_weights && block_size > 1) return dot_product_subtile(rows, columns);
  return square_subtile(active_isa(), block_size);
}

}  // namespace

double break_even_density(const Conv2dShape& s, Conv2dPass pass, int block_size) {
  if (s.groups != 1) return 0.0;
  const bool backward_data = pass == Conv2dPass::backward_data;
  // Places of one plane of the output: under a stride backward data has several (shifts.h).
  const int rows = backward_data ? (s.IH + s.SH - 1) / s.SH : s.OH();
  const int columns = backward_data ? (s.IW + s.SW - 1) / s.SW : s.OW();
  const std::string_view dense = conv2d_algorithm(select_conv2d(s, pass).name);
  const bool winograd = dense.substr(0, 4) == "wino";
  const PassTable& table = active_isa() == Isa::avx512 ? kAvx512 : kAvx2;
  const int row = static_cast<int>(pass);
  const double densest = dense == "tiles"
                             ? kTiles[row].of(block_size)
                             : (winograd ? table.winograd : table.direct)[row].of(block_size, s.element);
  const Subtile subtile = subtile_of(pass, block_size, rows, columns);
  return densest * used_fraction(rows, subtile.rows) * used_fraction(columns, subtile.columns);
}

}  // namespace espalier::kernels
