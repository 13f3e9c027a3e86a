#include "kernels/spconv2d/break_even.h"

#include <string_view>

#include "kernels/conv2d/candidates.h"

namespace espalier::kernels {
namespace {

// The lowest break-even that `espalier bench sparse` found among the layers, less a tenth so that a
// choice near it is never much the slower one (README.md). Winograd does a quarter of the multiplications of
// direct kernels.
struct BreakEven {
  double single, block;
};
struct PassTable {
  BreakEven winograd[3], direct[3];  // by pass
};
// Zen 4.
constexpr PassTable kAvx512 = {{{0.13, 0.18}, {0.135, 0.185}, {0.125, 0.195}},
                               {{0.22, 0.45}, {0.35, 0.45}, {0.25, 0.45}}};
// Zen 3; with 16 registers fewer sums wait in them. Taken for the other ISAs too.
constexpr PassTable kAvx2 = {{{0.08, 0.125}, {0.065, 0.11}, {0.042, 0.02}},
                             {{0.28, 0.27}, {0.29, 0.45}, {0.115, 0.075}}};
// Dense products of bf16 are faster than f32's, sparse ones are f32's: a guess. On matrix tiles dense
// steps were ahead of sparse ones with 98% of ResNet-18's weights gone, where that was tried.
constexpr double kOfBf16 = 0.6;
// Subtiles are 4x4 places; those beyond the plane are computed for nothing. 2x2 with blocks, but they lose no
// more.
constexpr int kSubtile = 4;

double used_fraction(int places) {
  const int computed = (places + kSubtile - 1) / kSubtile * kSubtile;
  return static_cast<double>(places) / computed;
}

}  // namespace

double break_even_density(const Conv2dShape& s, Conv2dPass pass, int block_size) {
  if (s.groups != 1) return 0.0;
  const bool backward_data = pass == Conv2dPass::backward_data;
  // Places of one plane of the output: under a stride backward data has several (shifts.h).
  const int rows = backward_data ? (s.IH + s.SH - 1) / s.SH : s.OH();
  const int columns = backward_data ? (s.IW + s.SW - 1) / s.SW : s.OW();
  const std::string_view dense = conv2d_algorithm(select_conv2d(s, pass).name);
  if (dense == "tiles") return 0.0;
  const bool winograd = dense.substr(0, 4) == "wino";
  const PassTable& table = active_isa() == Isa::avx512 ? kAvx512 : kAvx2;
  const BreakEven& row = (winograd ? table.winograd : table.direct)[static_cast<int>(pass)];
  const double of_element = s.element == Element::bf16 ? kOfBf16 : 1.0;
  return of_element * (block_size == 1 ? row.single : row.block) * used_fraction(rows) *
         used_fraction(columns);
}

}  // namespace espalier::kernels
