#include "framework/infer/runtime/tune.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "kernels/base/lanes.h"

namespace espalier::infer {
namespace {

constexpr int kRuns = 5;
constexpr std::int64_t kMostBytesBetween = 64 << 20;

Memory activation(std::int64_t n, int channels, std::int64_t pixels) {
  const std::int64_t floats = kernels::image_lanes(n, channels, pixels).floats();
  return Memory(static_cast<std::size_t>(floats) * sizeof(float));
}

float* floats(const Memory& memory) { return reinterpret_cast<float*>(memory.data()); }

}  // namespace

double measure_convolution(const Convolution& convolution, const kernels::Conv2dShape& s, bool residual,
                           std::int64_t bytes_between) {
  using Clock = std::chrono::steady_clock;
  const Memory src = activation(s.N, s.IC, std::int64_t{s.IH} * s.IW);
  const Memory dst = activation(s.N, s.OC, std::int64_t{s.OH()} * s.OW());
  const Memory added = residual ? activation(s.N, s.OC, std::int64_t{s.OH()} * s.OW()) : Memory();
  const Memory scratch(convolution.scratch_bytes());
  const Memory between(static_cast<std::size_t>(std::min(bytes_between, kMostBytesBetween)));
  double shortest = std::numeric_limits<double>::infinity();
  for (int run = 0; run < kRuns; ++run) {
    for (std::size_t i = 0; i < between.size_bytes(); i += kernels::kLanes * sizeof(float)) {
      between.data()[i] = static_cast<std::byte>(run);
    }
    const Clock::time_point start = Clock::now();
    convolution.run({floats(src), residual ? floats(added) : nullptr, floats(dst), scratch.data()});
    shortest = std::min(shortest, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return shortest;
}

}  // namespace espalier::infer
