#include "framework/infer/runtime/tune.h"

#include <algorithm>
#include <chrono>

#include "kernels/base/lanes.h"

namespace espalier::infer {
namespace {

constexpr std::int64_t kMostBytesBetween = 64 << 20;

Memory activation(std::int64_t n, int channels, std::int64_t pixels) {
  const std::int64_t floats = kernels::image_lanes(n, channels, pixels).floats();
  return Memory(static_cast<std::size_t>(floats) * sizeof(float));
}

float* floats(const Memory& memory) { return reinterpret_cast<float*>(memory.data()); }

}  // namespace

ConvolutionTimer::ConvolutionTimer(const kernels::Conv2dShape& s, bool residual, std::int64_t bytes_between)
    : src_(activation(s.N, s.IC, std::int64_t{s.IH} * s.IW)),
      dst_(activation(s.N, s.OC, std::int64_t{s.OH()} * s.OW())),
      residual_(residual ? activation(s.N, s.OC, std::int64_t{s.OH()} * s.OW()) : Memory()),
      between_(static_cast<std::size_t>(std::min(bytes_between, kMostBytesBetween))) {}

double ConvolutionTimer::operator()(const Convolution& convolution) {
  using Clock = std::chrono::steady_clock;
  if (scratch_.size_bytes() < convolution.scratch_bytes()) scratch_ = Memory(convolution.scratch_bytes());
  for (std::size_t i = 0; i < between_.size_bytes(); i += kernels::kLanes * sizeof(float)) {
    between_.data()[i] ^= std::byte{1};
  }
  const Clock::time_point start = Clock::now();
  convolution.run({floats(src_), residual_.size_bytes() > 0 ? floats(residual_) : nullptr, floats(dst_),
                   scratch_.data()});
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace espalier::infer
