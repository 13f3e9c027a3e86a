// Philox 4x32-10: a counter-based random generator (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as
// easy as 1, 2, 3. SC 2011). A number is a function of its key and its index, so any thread may draw any part
// of a stream. Written over 16 counters at a time in plain loops, which compilers vectorise.
#pragma once

#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

inline constexpr int kPhiloxBatch = 64;

// out[0..63]: word w of counter c = 16*batch + i at out[16*w + i].
ESPALIER_INLINE void philox(std::uint64_t key, std::uint64_t batch, std::uint32_t (&out)[kPhiloxBatch]) {
  std::uint32_t x0[16], x1[16], x2[16], x3[16];
  for (int i = 0; i < 16; ++i) {
    const std::uint64_t counter = batch * 16 + static_cast<std::uint64_t>(i);
    x0[i] = static_cast<std::uint32_t>(counter);
    x1[i] = static_cast<std::uint32_t>(counter >> 32);
    x2[i] = x3[i] = 0;
  }
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 16; ++i) {
      const std::uint64_t a = std::uint64_t{0xD2511F53u} * x0[i];
      const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * x2[i];
      x0[i] = static_cast<std::uint32_t>(b >> 32) ^ x1[i] ^ k0;
      x2[i] = static_cast<std::uint32_t>(a >> 32) ^ x3[i] ^ k1;
      x1[i] = static_cast<std::uint32_t>(b);
      x3[i] = static_cast<std::uint32_t>(a);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < 16; ++i) {
    out[i] = x0[i];
    out[16 + i] = x1[i];
    out[32 + i] = x2[i];
    out[48 + i] = x3[i];
  }
}

}  // namespace
}  // namespace espalier::kernels
