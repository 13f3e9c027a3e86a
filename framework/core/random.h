// Counter-based random numbers: a number is a function of its key and counter, not of what was drawn before.
// A run that stops and resumes, or that loads its data on another thread, draws the same numbers without
// any generator state to save.
//
//   Random random(seed, "augment", epoch, index);   // a stream of its own for each image of each epoch
//   int dx = random.below(9);
//
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace espalier {

// One Philox block: four 32-bit numbers from a 128-bit counter and a 64-bit key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

class Random {
 public:
  // A stream named by its purpose and up to two counters (epoch and index, step and layer).
  Random(std::uint64_t seed, std::string_view purpose, std::uint64_t a = 0, std::uint64_t b = 0);

  std::uint32_t next_u32();
  std::uint64_t next_u64();
  // Uniform in [0, 1), 24 bits.
  float uniform();
  // Uniform in 0 .. bound-1, without bias. bound > 0.
  std::uint32_t below(std::uint32_t bound);
  // Standard normal (Box-Muller).
  float normal();

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  std::size_t used_ = 4;
  bool has_spare_ = false;
  float spare_ = 0.0f;
};

// 64-bit hash of a text (FNV-1a with a final mix): for stream keys, not for integrity.
std::uint64_t hash_text(std::string_view text);

}  // namespace espalier
