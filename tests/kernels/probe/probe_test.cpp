#include "kernels/probe/probe.h"

#include <doctest/doctest.h>

#include "tests/kernels/support.h"

namespace espalier::kernels {
namespace {

TEST_CASE("the multiply-add probe computes its chains") {
  for (const ProbeKernels* kernels : compiled_kernels<ProbeKernels>()) {
    if (!isa_supported(kernels->isa)) continue;
    const double chains = kernels->flops_per_iteration / 32.0;
    // x = 0.5 x + 1 has 2 as its fixed point, and 30 halvings take every chain's start there.
    CHECK(kernels->multiply_add(0.5f, 1.0f, 30) == doctest::Approx(2.0 * 16.0 * chains));
    // Chain i starts from i in all 16 lanes.
    CHECK(kernels->multiply_add(1.0f, 0.0f, 5) == doctest::Approx(16.0 * chains * (chains - 1.0) / 2.0));
  }
}

TEST_CASE("the copy probe copies everything") {
  for (const ProbeKernels* kernels : compiled_kernels<ProbeKernels>()) {
    if (!isa_supported(kernels->isa)) continue;
    for (std::size_t size : {std::size_t{16}, std::size_t{(1 << 18) + 48}}) {
      const Floats src = Floats::random(size, 1);
      Floats dst(size);
      kernels->stream_copy(src.data(), dst.data(), static_cast<std::int64_t>(size));
      CHECK(dst.same_bits(src));
    }
  }
}

}  // namespace
}  // namespace espalier::kernels
