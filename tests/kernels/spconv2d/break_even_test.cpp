#include "kernels/spconv2d/break_even.h"

#include <doctest/doctest.h>

#include "kernels/spconv2d/subtile.h"
#include "kernels/splinear/break_even.h"
#include "tests/kernels/spconv2d/random_blocks.h"

namespace espalier::kernels {
namespace {

// A plane of H x H, too small for Winograd to matter: with stride 2 the same dense kernel takes every size.
Conv2dShape plane(int H) { return {16, 32, 2 * H, 2 * H, 32, 1, 1, 2, 2, 0, 0, 1}; }

TEST_CASE("subtiles are what the registers of each ISA hold") {
  for (int block : {1, 4}) {
    CHECK(block * square_subtile(Isa::avx512, block).rows * square_subtile(Isa::avx512, block).columns == 16);
    for (Isa isa : {Isa::avx2, Isa::neon}) {
      CHECK(block * square_subtile(isa, block).rows * square_subtile(isa, block).columns == 4);
    }
    CHECK(row_subtile(Isa::avx512, block).columns == 16 / block);
    CHECK(row_subtile(Isa::avx2, block).columns == 4 / block);
  }
  CHECK(square_subtile(Isa::portable, 1).rows == 1);
}

TEST_CASE("sparse convolutions pay later by the places of subtiles beyond the plane, and by no others") {
  for (Conv2dPass pass : kPasses) {
    for (int block : {1, 4}) {
      const double whole = break_even_density(plane(4), pass, block);
      REQUIRE(whole > 0.0);
      const int side = square_subtile(active_isa(), block).rows;
      for (int H : {2, 3, 7}) {
        CAPTURE(H);
        const int computed = (H + side - 1) / side * side;
        const bool dots = pass == Conv2dPass::backward_weights && block == 4;
        const double used = dots ? (H == 7 ? 7.0 * 7.0 / (8 * 8) : 1.0) : 1.0 * H * H / (computed * computed);
        CHECK(break_even_density(plane(H), pass, block) == doctest::Approx(whole * used));
      }
    }
  }
}

TEST_CASE("sparse linear layers pay later by the tokens beyond the last, and by no others") {
  for (Conv2dPass pass : kPasses) {
    for (int block : {1, 4}) {
      const auto tokens = [&](int T) { return break_even_density(LinearShape{16, T, 32, 32}, pass, block); };
      const int held = row_subtile(active_isa(), block).columns;
      const bool dots = pass == Conv2dPass::backward_weights && block == 4;
      CHECK(tokens(4) == doctest::Approx(tokens(16) * (dots || held <= 4 ? 1.0 : 4.0 / held)));
      CHECK(tokens(17) ==
            doctest::Approx(tokens(16) * (dots ? 17.0 / 32 : 17.0 / ((17 + held - 1) / held * held))));
    }
  }
}

}  // namespace
}  // namespace espalier::kernels
