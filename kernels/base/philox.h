// Philox 4x32-10: a counter-based random generator (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as
// easy as 1, 2, 3. SC 2011). A number is a function of its key and its index, so any thread may draw any part
// of a stream. Written over eight counters at a time with the compiler's vector type, which every ISA has.
#pragma once

#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

inline constexpr int kPhiloxBatch = 64;

// Eight 32-bit words, each in 64 bits so that a product keeps its upper half.
using PhiloxWords = std::uint64_t __attribute__((vector_size(64)));
using PhiloxNarrow = std::uint32_t __attribute__((vector_size(32)));

// out[0..63]: word w of counter c = 16*batch + i at out[16*w + i].
ESPALIER_INLINE void philox(std::uint64_t key, std::uint64_t batch, std::uint32_t (&out)[kPhiloxBatch]) {
  constexpr std::uint64_t kLow = 0xffffffffu;
  for (int half = 0; half < 2; ++half) {
    const std::uint64_t first = batch * 16 + static_cast<std::uint64_t>(half) * 8;
    const PhiloxWords counter = first + PhiloxWords{0, 1, 2, 3, 4, 5, 6, 7};
    PhiloxWords x0 = counter & kLow, x1 = counter >> 32, x2 = {}, x3 = {};
    std::uint64_t k0 = key & kLow, k1 = key >> 32;
    for (int round = 0; round < 10; ++round) {
      const PhiloxWords a = x0 * 0xD2511F53u, b = x2 * 0xCD9E8D57u;
      x0 = (b >> 32) ^ x1 ^ k0;
      x1 = b & kLow;
      x2 = (a >> 32) ^ x3 ^ k1;
      x3 = a & kLow;
      k0 = (k0 + 0x9E3779B9u) & kLow;
      k1 = (k1 + 0xBB67AE85u) & kLow;
    }
    const PhiloxWords words[4] = {x0, x1, x2, x3};
    for (int w = 0; w < 4; ++w) {
      const auto narrow = __builtin_convertvector(words[w], PhiloxNarrow);
      __builtin_memcpy(out + 16 * w + 8 * half, &narrow, sizeof narrow);
    }
  }
}

}  // namespace
}  // namespace espalier::kernels
