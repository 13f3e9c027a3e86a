// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/base/map.h"
#include "kernels/base/transpose.h"
#include "kernels/layout/layout.h"

namespace espalier::kernels {
namespace {

// The features of one image as runs of contiguous vectors: planes, or everything at once where planes have no
// padding.
struct Runs {
  std::int64_t count, length, stride;
};
Runs runs_of(const LaneShape& shape) {
  const std::int64_t planes = shape.T * shape.C;
  if (shape.HW == shape.P) return {1, planes * shape.P, planes * shape.P};
  return {planes, shape.HW, shape.P};
}

// A long run is cut into pieces of this many features, so that a batch of few groups has tasks enough.
constexpr std::int64_t kPiece = 1024;

// body(group, run, first feature, end) for every piece of every run.
template <class Body>
void for_each_piece(const LaneShape& shape, const Runs& runs, const Body& body) {
  const std::int64_t pieces = (runs.length + kPiece - 1) / kPiece;
  parallel_for(shape.G() * runs.count * pieces, [&](std::int64_t task) {
    const std::int64_t row = task / pieces, begin = task % pieces * kPiece;
    const std::int64_t end = begin + kPiece < runs.length ? begin + kPiece : runs.length;
    body(row / runs.count, row % runs.count, begin, end);
  });
}

template <class T>
void clear_plane_padding(const Runs& runs, std::int64_t end, T* plane) {
  if (end != runs.length) return;
  for (std::int64_t i = runs.length; i < runs.stride; ++i) store(plane + i * kLanes, zero());
}

template <class T>
void to_lanes(const LaneShape& shape, const float* plain, T* lanes) {
  const Runs runs = runs_of(shape);
  const std::int64_t features = runs.count * runs.length;
  for_each_piece(shape, runs, [&](std::int64_t g, std::int64_t run, std::int64_t begin, std::int64_t end) {
    const int images = lanes_in_group(shape.N, g);
    const float* from = plain + g * kLanes * features + run * runs.length;  // [images][features]
    T* to = lanes + (g * runs.count + run) * runs.stride * kLanes;          // [length][16]
    for (std::int64_t i = begin; i < end; i += 16) {
      const int count = end - i < 16 ? static_cast<int>(end - i) : 16;
      Vec block[16];
      load_transposed(from + i, features, images, count, block);
      for (int j = 0; j < count; ++j) store(to + (i + j) * kLanes, block[j]);
    }
    clear_plane_padding(runs, end, to);
  });
}

template <class T>
void from_lanes(const LaneShape& shape, const T* lanes, float* plain) {
  const Runs runs = runs_of(shape);
  const std::int64_t features = runs.count * runs.length;
  for_each_piece(shape, runs, [&](std::int64_t g, std::int64_t run, std::int64_t begin, std::int64_t end) {
    const int images = lanes_in_group(shape.N, g);
    const T* from = lanes + (g * runs.count + run) * runs.stride * kLanes;  // [length][16]
    float* to = plain + g * kLanes * features + run * runs.length;          // [images][features]
    for (std::int64_t i = begin; i < end; i += 16) {
      const int count = end - i < 16 ? static_cast<int>(end - i) : 16;
      Vec block[16];
      for (int j = 0; j < count; ++j) block[j] = load(from + (i + j) * kLanes);
      for (int j = count; j < 16; ++j) block[j] = zero();
      store_transposed(to + i, features, images, count, block);
    }
  });
}

template <class T>
void compact(const LaneShape& shape, const T* padded, T* compacted) {
  const Runs runs = runs_of(shape);
  for_each_piece(shape, runs, [&](std::int64_t g, std::int64_t run, std::int64_t begin, std::int64_t end) {
    const T* from = padded + (g * runs.count + run) * runs.stride * kLanes;
    T* to = compacted + (g * runs.count + run) * runs.length * kLanes;
    for (std::int64_t i = begin; i < end; ++i) store(to + i * kLanes, load(from + i * kLanes));
  });
}

template <class T>
void expand(const LaneShape& shape, const T* compacted, T* padded) {
  const Runs runs = runs_of(shape);
  for_each_piece(shape, runs, [&](std::int64_t g, std::int64_t run, std::int64_t begin, std::int64_t end) {
    const T* from = compacted + (g * runs.count + run) * runs.length * kLanes;
    T* to = padded + (g * runs.count + run) * runs.stride * kLanes;
    for (std::int64_t i = begin; i < end; ++i) store(to + i * kLanes, load(from + i * kLanes));
    clear_plane_padding(runs, end, to);
  });
}

template <class T>
void clear_padding_lanes(const LaneShape& shape, T* lanes) {
  if (shape.N % kLanes == 0) return;
  const std::int64_t vectors = shape.T * shape.C * shape.P;
  T* last = lanes + (shape.G() - 1) * vectors * kLanes;
  const Mask16 images = first_lanes(lanes_in_group(shape.N, shape.G() - 1));
  map(vectors * kLanes, Output::cached,
      [&](const auto& at) { at.set(last, select(images, at.get(last), zero())); });
}

template <class T>
constexpr LayoutKernels<T> kKernels = {
    .isa = kCompiledIsa,
    .to_lanes = to_lanes<T>,
    .from_lanes = from_lanes<T>,
    .compact = compact<T>,
    .expand = expand<T>,
    .clear_padding_lanes = clear_padding_lanes<T>,
};

}  // namespace

ESPALIER_KERNELS_FOR_ELEMENTS(LayoutKernels);

}  // namespace espalier::kernels
