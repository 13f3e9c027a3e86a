// Dropout with a mask that is drawn anew instead of stored.
#pragma once

#include "kernels/base/map.h"
#include "kernels/base/philox.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::kernels {
namespace {

template <class T>
void dropout(const T* src, T* dst, std::int64_t n, const DropoutParams& params) {
  // Element i is dropped when its 32 random bits, as a number in [0, 1), are below p.
  const double scaled = static_cast<double>(params.probability) * 4294967296.0;
  const std::uint32_t threshold = static_cast<std::uint32_t>(scaled);
  const Vec scale = broadcast(1.0f / (1.0f - params.probability));
  const std::int64_t tasks = (n + kTaskFloats - 1) / kTaskFloats;
  parallel_for(tasks, [&](std::int64_t task) {
    const std::int64_t end = (task + 1) * kTaskFloats < n ? (task + 1) * kTaskFloats : n;
    for (std::int64_t i = task * kTaskFloats; i < end; i += kPhiloxBatch) {
      std::uint32_t bits[kPhiloxBatch];
      std::uint8_t kept[kPhiloxBatch];
      philox(params.key, static_cast<std::uint64_t>(i / kPhiloxBatch), bits);
      for (int j = 0; j < kPhiloxBatch; ++j) kept[j] = bits[j] >= threshold;
      for (std::int64_t j = i; j < end && j < i + kPhiloxBatch; j += kLanes) {
        const Mask16 mask = mask_from_bytes(kept + (j - i));
        if (j + kLanes <= end) {
          store(dst + j, select(mask, load(src + j) * scale, zero()));
        } else {
          const int count = static_cast<int>(end - j);
          store_first(dst + j, select(mask, load_first(src + j, count) * scale, zero()), count);
        }
      }
    }
  });
}

}  // namespace
}  // namespace espalier::kernels
