// A function of each element of arrays that lie alongside each other, in parallel, the end of the arrays
// included.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

// 64 KiB of floats a task, 32 KiB of bf16: large enough to hide the start of a task, small enough to balance.
constexpr std::int64_t kTaskFloats = 16 * 1024;

// An output from this size on is streamed past the caches: it would push out what is there and be gone itself
// before the next pass reads it. Measured: 19 instead of 10 GB/s.
constexpr std::size_t kStreamBytes = std::size_t{4} << 20;

enum class Output { cached, streamed };

// `dst` must be none of the arrays that the loop reads: then its lines are in the cache already.
template <class T>
ESPALIER_INLINE Output output_for(const T* dst, std::int64_t n, bool in_place) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(dst) % (kLanes * sizeof(T)) == 0;
  const bool large = static_cast<std::size_t>(n) * sizeof(T) >= kStreamBytes;
  return large && aligned && !in_place ? Output::streamed : Output::cached;
}

// How a vector is written. A kernel's loop is compiled for either kind: with_output calls body(write), and
// write(p, value) stores.
struct WriteCached {
  template <class T>
  ESPALIER_INLINE void operator()(T* p, Vec value) const {
    store(p, value);
  }
};
struct WriteStreamed {
  template <class T>
  ESPALIER_INLINE void operator()(T* p, Vec value) const {
    stream(p, value);
  }
};
template <class Body>
ESPALIER_INLINE void with_output(Output output, const Body& body) {
  if (output == Output::streamed) {
    body(WriteStreamed{});
  } else {
    body(WriteCached{});
  }
}

// Where a body of `map` stands: elements i .. i+15 of every array.
template <class Write>
struct WholeVector {
  std::int64_t i;
  template <class T>
  ESPALIER_INLINE Vec get(const T* array) const {
    return load(array + i);
  }
  ESPALIER_INLINE Mask16 get_mask(const std::uint8_t* array) const { return mask_from_bytes(array + i); }
  template <class T>
  ESPALIER_INLINE void set(T* array, Vec value) const {
    Write{}(array + i, value);
  }
};

// The same for the last `count` < 16 elements: the other lanes read as zero and are not written.
struct LastVector {
  std::int64_t i;
  int count;
  template <class T>
  ESPALIER_INLINE Vec get(const T* array) const {
    return load_first(array + i, count);
  }
  ESPALIER_INLINE Mask16 get_mask(const std::uint8_t* array) const {
    std::uint8_t bytes[16] = {};
    for (int lane = 0; lane < count; ++lane) bytes[lane] = array[i + lane];
    return mask_from_bytes(bytes);
  }
  template <class T>
  ESPALIER_INLINE void set(T* array, Vec value) const {
    store_first(array + i, value, count);
  }
};

// body(at) for each vector of n elements, where at.get(array) and at.set(array, value) reach the arrays.
template <class Body>
void map(std::int64_t n, Output output, const Body& body) {
  with_output(output, [&](auto write) {
    parallel_for((n + kTaskFloats - 1) / kTaskFloats, [&](std::int64_t task) {
      std::int64_t i = task * kTaskFloats;
      const std::int64_t end = i + kTaskFloats < n ? i + kTaskFloats : n;
      for (; i + 16 <= end; i += 16) body(WholeVector<decltype(write)>{i});
      if (i < end) body(LastVector{i, static_cast<int>(end - i)});
      if (output == Output::streamed) stream_fence();
    });
  });
}

// body(row) for each of `rows` rows of `row_floats`, short rows several a task. `output`: how body stores.
template <class Body>
void for_each_row(std::int64_t rows, std::int64_t row_floats, const Body& body,
                  Output output = Output::cached) {
  const std::int64_t step = row_floats >= kTaskFloats ? 1 : kTaskFloats / row_floats;
  parallel_for((rows + step - 1) / step, [&](std::int64_t task) {
    const std::int64_t end = (task + 1) * step < rows ? (task + 1) * step : rows;
    for (std::int64_t row = task * step; row < end; ++row) body(row);
    if (output == Output::streamed) stream_fence();
  });
}

}  // namespace
}  // namespace espalier::kernels
