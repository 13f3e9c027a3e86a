#include <algorithm>
#include <numeric>

#include "framework/infer/runtime/program.h"

namespace espalier::infer {
namespace {

constexpr std::int64_t kAlignment = 64;

bool live_together(const Buffer& a, const Buffer& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

}  // namespace

// The largest first, each at the lowest place that is free while it lives.
std::int64_t place_buffers(std::vector<Buffer>& buffers) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::int64_t arena = 0;
  std::vector<const Buffer*> placed;  // by offset
  for (std::size_t i : order) {
    Buffer& buffer = buffers[i];
    std::int64_t at = 0;
    for (const Buffer* other : placed) {
      if (!live_together(*other, buffer)) continue;
      if (at + buffer.bytes <= other->offset) break;
      at = std::max(at, other->offset + (other->bytes + kAlignment - 1) / kAlignment * kAlignment);
    }
    buffer.offset = at;
    arena = std::max(arena, at + buffer.bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), &buffer,
                                   [](const Buffer* a, const Buffer* b) { return a->offset < b->offset; }),
                  &buffer);
  }
  return arena;
}

}  // namespace espalier::infer
