// How a direct forward or backward-data pass is cut (direct_gather.h), and its packed weights.
#pragma once

#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/conv2d/axis.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/micro.h"
#include "kernels/gemm/pack.h"
#include "kernels/gemm/pack_pairs.h"

namespace espalier::kernels {
namespace {

// The input of a strip of rows should stay in the caches while each panel of weights passes over it, and
// strips should not be so short that fetching the weights is what takes the time.
constexpr std::int64_t kStripBytes = 256 * 1024;
constexpr int kStripPixels = 16;
// A few pixels meet all output channels before the next, for a slice of the input channels: so many steps
// (channels times taps) that the pixels' inputs, some 32 KiB, stay in the L1 cache. Of half as many steps,
// twice as many pixels.
constexpr int kSliceSteps = 128;
constexpr int kChunkPixels = 4;
constexpr int kMaxChunk = kMaxVectors > 2 * kChunkPixels ? kMaxVectors : 2 * kChunkPixels;
// In whole register blocks.
constexpr int chunk_pixels(const Panels& panels, int steps) {
  const int pixels = 2 * steps <= kSliceSteps ? 2 * kChunkPixels : kChunkPixels;
  const int widest = max_vectors(panels.height(0));
  return widest < pixels ? pixels / widest * widest : widest;
}
// Enough tasks to keep a few threads busy.
constexpr int kGatherTasks = 24;
// Fewer than that, as with one group of images, and output channels are cut as well.
constexpr int kFewTasks = 4;

// The taps that one phase of either axis (axis.h) has in common: they lie together in packed weights.
struct TapPhase {
  int index, first, taps;  // first: how many taps the phases before it have
};
// Where packed weights have a tap.
struct PackedTap {
  TapPhase phase;
  int position;  // among the taps of the phase
};

struct Gather {
  bool backward;
  int groups, M, C;  // output and input channels a group
  Panels panels{1};  // of M
  int taps;          // KH * KW
  int steps;         // of a sum over C
  AxisShape h, w;
  AxisPhases phases_h, phases_w;
  std::int64_t in_plane, out_plane;  // elements
  bool sliced;                       // may sums rest in the output? Not where that rounds them
  int strip_rows;                    // output rows computed together
  int tasks;                         // of a group of channels: each a range of strips
  int parts;                         // of the output channels, where there are few strips and images
  Axis axis_h, axis_w;
  Tap* tap_lists;               // [axis_h.class_count][axis_w.class_count][taps]
  PackedTap* packed_taps;       // [taps]
  std::int64_t panel_size = 0;  // scalars: [phases][steps][taps of the phase][height], with room for a vector
                                // behind each phase

  int phases() const { return phases_h.count() * phases_w.count(); }
};

// The place kh, kw of the kernel.
inline PackedTap packed_tap(const Gather& p, int kh, int kw) {
  const AxisPhases &h = p.phases_h, &w = p.phases_w;
  const int phase_h = kh % h.tap_step, phase_w = kw % w.tap_step;
  const int rows = h.taps(phase_h), columns = w.taps(phase_w);
  return {{phase_h * w.count() + phase_w, h.taps_before(phase_h) * w.kernel + rows * w.taps_before(phase_w),
           rows * columns},
          kh / h.tap_step * columns + kw / w.tap_step};
}

// Where a panel has the first step of a phase.
inline std::int64_t phase_offset(const Gather& p, const TapPhase& phase, int height) {
  return std::int64_t{p.steps} * phase.first * height + phase.index * kLanes;
}

// Slices of the input channels for pixels with so many taps. One where few pixels read all weights but once:
// in one stream.
inline int slice_count(const Gather& p, int taps) {
  if (!p.sliced || p.h.out * p.w.out <= kChunkPixels) return 1;
  return smaller(p.C, larger(1, (p.C * taps + kSliceSteps / 2) / kSliceSteps));
}

inline int strip_count(const Gather& p) { return (p.h.out + p.strip_rows - 1) / p.strip_rows; }

template <class Product>
Gather plan_gather(const Conv2dShape& s, bool backward, ScratchLayout& scratch) {
  Gather p;
  const int ICG = s.IC / s.groups, OCG = s.OC / s.groups, OH = s.OH(), OW = s.OW();
  p.backward = backward;
  p.groups = s.groups;
  p.M = backward ? ICG : OCG;
  p.C = backward ? OCG : ICG;
  p.taps = s.KH * s.KW;
  p.h = backward ? AxisShape{s.IH, OH, s.KH, s.SH, s.PH, true} : AxisShape{OH, s.IH, s.KH, s.SH, s.PH, false};
  p.w = backward ? AxisShape{s.IW, OW, s.KW, s.SW, s.PW, true} : AxisShape{OW, s.IW, s.KW, s.SW, s.PW, false};
  p.in_plane = plane_vectors(std::int64_t{p.h.in} * p.w.in) * kLanes;
  p.out_plane = plane_vectors(std::int64_t{p.h.out} * p.w.out) * kLanes;

  p.sliced = element_of<typename Product::Element> == Element::f32;

  constexpr std::int64_t kVectorBytes = kLanes * sizeof(typename Product::Element);
  const std::int64_t row_bytes = std::int64_t{p.C} * p.w.in * kVectorBytes;
  const std::int64_t fitting = (kStripBytes / row_bytes - s.KH + 1) * p.h.out / p.h.in;
  const std::int64_t rows = larger(static_cast<int>(fitting), (kStripPixels + p.w.out - 1) / p.w.out);
  p.strip_rows = rows < p.h.out ? static_cast<int>(rows) : p.h.out;
  const std::int64_t planes = groups(s.N) * s.groups, wanted = (kGatherTasks - 1) / planes + 1;
  p.tasks = static_cast<int>(wanted < strip_count(p) ? wanted : strip_count(p));
  p.panels = Panels(p.M, kProductRows<Product>);
  p.parts = planes * p.tasks >= kFewTasks
                ? 1
                : smaller(p.panels.count, static_cast<int>((kGatherTasks - 1) / (planes * p.tasks) + 1));

  p.phases_h = axis_phases(p.h);
  p.phases_w = axis_phases(p.w);
  p.axis_h = build_axis(p.h, scratch);
  p.axis_w = build_axis(p.w, scratch);
  p.tap_lists = scratch.take<Tap>(std::int64_t{max_axis_classes(p.h)} * max_axis_classes(p.w) * p.taps);
  p.packed_taps = scratch.take<PackedTap>(p.taps);
  p.steps = (p.C + Product::kChannels - 1) / Product::kChannels;
  const std::int64_t scalars = std::int64_t{p.steps} * p.taps * p.panels.height(p.panels.count - 1);
  p.panel_size = (scalars + (p.phases() + 1) * kLanes - 1) / kLanes * kLanes;
  return p;
}

inline std::int64_t packed_scalars(const Gather& p) { return p.groups * p.panels.count * p.panel_size; }

inline const Tap* tap_list(const Gather& p, int class_h, int class_w) {
  return p.tap_lists + (class_h * p.axis_w.class_count + class_w) * p.taps;
}

void build_tap_lists(const Gather& p) {
  const int KW = p.w.kernel;
  for (int tap = 0; tap < p.taps; ++tap) p.packed_taps[tap] = packed_tap(p, tap / KW, tap % KW);
  for (int ch = 0; ch < p.axis_h.class_count; ++ch) {
    for (int cw = 0; cw < p.axis_w.class_count; ++cw) {
      Tap* list = p.tap_lists + (ch * p.axis_w.class_count + cw) * p.taps;
      const AxisClass &h = p.axis_h.classes[ch], &w = p.axis_w.classes[cw];
      for (int i = 0; i < h.taps; ++i) {
        for (int j = 0; j < w.taps; ++j) {
          const int kh = h.first_tap + i * p.axis_h.tap_step, kw = w.first_tap + j * p.axis_w.tap_step;
          *list++ = {p.packed_taps[kh * KW + kw].position,
                     (i * p.axis_h.in_step * p.w.in + j * p.axis_w.in_step) * kLanes};
        }
      }
    }
  }
}

// to[c / kChannels][tap][m] = from[m * row_stride + c * channel_stride + tap]
template <class Scalar>
void pack_taps(const float* from, std::int64_t row_stride, std::int64_t channel_stride, int height,
               int channels, int taps, Scalar* to) {
  if constexpr (kIsPair<Scalar>) {
    pack_pair_strip(from, row_stride, channel_stride, height, channels, taps, to);
  } else {
    const bool joined = channel_stride == taps;
    const std::int64_t run = joined ? std::int64_t{channels} * taps : taps;
    for (int c = 0; c < (joined ? 1 : channels); ++c, from += channel_stride) {
      to = pack_strip(from, row_stride, 1, height, run, 1.0f, to, height);
    }
  }
}

// The taps of a phase apart from those of the others. Rows are written in ascending order within a phase, a
// whole vector each: what is beyond `height` the next row overwrites.
template <class Product>
void pack_phases(const Gather& p, const float* from, std::int64_t row_stride, std::int64_t channel_stride,
                 int height, typename Product::Scalar* to) {
  using Scalar = typename Product::Scalar;
  constexpr int kTaps = 16;
  alignas(64) Scalar rows[(kTaps + 1) * kLanes];
  for (int step = 0; step < p.steps; ++step, from += Product::kChannels * channel_stride) {
    const int channels = smaller(Product::kChannels, p.C - step * Product::kChannels);
    for (int tap = 0; tap < p.taps; tap += kTaps) {
      const int count = smaller(kTaps, p.taps - tap);
      pack_taps(from + tap, row_stride, channel_stride, height, channels, count, rows);
      for (int i = 0; i < count; ++i) {
        const auto& [phase, position] = p.packed_taps[tap + i];
        const std::int64_t row = std::int64_t{step} * phase.taps + position;
        __builtin_memcpy(to + phase_offset(p, phase, height) + row * height, rows + i * height,
                         kLanes * sizeof(Scalar));
      }
    }
  }
}

// Panels of weights as [phases][steps][taps of the phase][height]: the scalars that one step of the
// micro-kernel broadcasts are neighbours, and so are the steps of a sum.
template <class Product>
void pack_weights(const Gather& p, const float* weights, typename Product::Scalar* packed) {
  const Panels& panels = p.panels;
  // weights is [OC][ICG][taps]: a row of M is one run over (c, tap) forward, backward a run of taps for each
  // c = OC.
  const std::int64_t row_stride = p.backward ? p.taps : std::int64_t{p.C} * p.taps;
  const std::int64_t channel_stride = p.backward ? std::int64_t{p.M} * p.taps : p.taps;
  parallel_for(std::int64_t{p.groups} * panels.count, [&](std::int64_t task) {
    const int panel = static_cast<int>(task % panels.count), height = panels.height(panel);
    const float* from = weights + task / panels.count * p.M * p.C * p.taps + panels.begin(panel) * row_stride;
    auto* to = packed + task * p.panel_size;
    if (p.phases() == 1) {
      pack_taps(from, row_stride, channel_stride, height, p.C, p.taps, to);
    } else {
      pack_phases<Product>(p, from, row_stride, channel_stride, height, to);
    }
  });
}

}  // namespace
}  // namespace espalier::kernels
