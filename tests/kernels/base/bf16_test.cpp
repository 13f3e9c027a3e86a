#include <doctest/doctest.h>

#include <bit>
#include <limits>
#include <random>

#include "kernels/eltwise/eltwise.h"
#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

constexpr std::size_t kPatterns = std::size_t{1} << 16;

bool is_nan_pattern(std::uint32_t bits) { return (bits & 0x7f80u) == 0x7f80u && (bits & 0x7fu) != 0; }

// Of the two neighbours of x in bf16 the nearer, of equally near ones the even: by distances in double, which
// are exact. Finite x that do not overflow only.
std::uint16_t nearest_by_distance(float x) {
  const auto below = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16);  // towards zero
  const auto above = static_cast<std::uint16_t>(below + 1);
  const auto distance = [&](std::uint16_t bits) {
    return std::fabs(static_cast<double>(widen(Bf16{bits})) - static_cast<double>(x));
  };
  if (distance(below) != distance(above)) return distance(below) < distance(above) ? below : above;
  return below % 2 == 0 ? below : above;
}

// Rounded by the table's own loop; as many elements as `values` has, over and over, where it is to stream.
template <class Check>
void for_each_rounded(const std::vector<float>& values, const Check& check) {
  const std::size_t streamed = std::size_t{1} << 21;  // 4 MiB of bf16
  for (std::size_t size : {values.size(), std::max(values.size(), streamed)}) {
    Floats src(size);
    for (std::size_t i = 0; i < size; ++i) src.data()[i] = values[i % values.size()];
    for_each_isa<EltwiseKernels<Bf16>>([&](const EltwiseKernels<Bf16>& kernels) {
      Buffer<Bf16> dst(size);
      kernels.round(src.data(), dst.data(), static_cast<std::int64_t>(size));
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < size; ++i) wrong += !check(src.data()[i], dst.data()[i].bits);
      CHECK(wrong == 0);
    });
  }
}

}  // namespace

TEST_CASE("every number of bf16 is widened to the float it stands for and rounded back to itself") {
  Buffer<Bf16> all(kPatterns);
  for (std::size_t i = 0; i < kPatterns; ++i) all.data()[i] = {static_cast<std::uint16_t>(i)};
  for_each_isa<EltwiseKernels<Bf16>>([&](const EltwiseKernels<Bf16>& kernels) {
    Floats wide(kPatterns);
    Buffer<Bf16> back(kPatterns);
    kernels.widen(all.data(), wide.data(), kPatterns);
    kernels.round(wide.data(), back.data(), kPatterns);
    std::size_t wrong = 0;
    for (std::uint32_t i = 0; i < kPatterns; ++i) {
      wrong += std::bit_cast<std::uint32_t>(wide.data()[i]) != i << 16;
      // A signalling NaN comes back as the quiet one.
      wrong += back.data()[i].bits != (is_nan_pattern(i) ? i | 0x40u : i);
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("floats are rounded to the nearest bf16, ties to even, denormals included") {
  std::vector<float> values;
  std::mt19937 engine(1);
  while (values.size() < 50000) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(engine()));
    if (std::fabs(x) < 3.3e38f) values.push_back(x);
  }
  // Between every number and the next: a tie, and its neighbours on either side.
  for (std::uint32_t i = 0; i < kPatterns; i += 7) {
    for (std::uint32_t low : {0x7fffu, 0x8000u, 0x8001u}) {
      const float x = std::bit_cast<float>(i << 16 | low);
      if (std::fabs(x) < 3.3e38f) values.push_back(x);
    }
  }
  for_each_rounded(values, [](float x, std::uint16_t got) {
    return got == nearest_by_distance(x) && got == round_to_bf16(x).bits;
  });
}

TEST_CASE("NaN stays NaN in bf16, infinities stay, and what is nearer to infinity becomes it") {
  const float infinity = std::numeric_limits<float>::infinity(), largest = std::numeric_limits<float>::max();
  std::vector<float> nans;
  // All mantissas that rounding up would carry out of, and those of which the upper half is zero.
  for (std::uint32_t bits : {0x7f800001u, 0x7f80ffffu, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
    nans.push_back(std::bit_cast<float>(bits));
  }
  for_each_rounded(nans, [](float, std::uint16_t got) { return is_nan_pattern(got); });
  for_each_rounded({infinity, largest}, [](float, std::uint16_t got) { return got == 0x7f80u; });
  for_each_rounded({-infinity, -largest}, [](float, std::uint16_t got) { return got == 0xff80u; });
  for_each_rounded({0.0f}, [](float, std::uint16_t got) { return got == 0; });
  for_each_rounded({-0.0f}, [](float, std::uint16_t got) { return got == 0x8000u; });
}

}  // namespace espalier::kernels
