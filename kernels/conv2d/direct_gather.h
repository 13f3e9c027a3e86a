// Forward and backward data, direct. Both gather: an output pixel is a sum over input channels and taps,
//
//   out[m] = bias[m] + sum over c, taps of  weight[m, c, tap] * in[c][pixel + tap's offset]
//
// with out = dst, in = src forward, and out = diff_src, in = diff_dst backward, where the channels of the
// weights change places and the taps run the other way (axis.h). So one body serves both: the packed weights
// are the broadcast operand of the register-blocked product (kernels/gemm/micro.h), the vectors of a block
// are pixels of one class, wherever they stand in the plane. It is written over a Product
// (kernels/gemm/product.h): activations of f32, or of bf16, multiplied two channels at a time.
#pragma once

#include "kernels/base/lanes.h"
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

// Fetches the rows that the next strip adds to this one, a few lines after each call of the micro-kernel:
// those of all channels at once would wait for memory, and far apart as they are the hardware does not
// foresee them.
class RowPrefetch {
 public:
  template <class Element>
  RowPrefetch(const Gather& p, const Element* in, int row_end, int next_end, int calls) {
    constexpr std::int64_t kVectorBytes = kLanes * sizeof(Element);
    const std::int64_t row_bytes = p.w.in * kVectorBytes;
    int first;
    if (!p.backward && p.h.kernel == 1 && p.w.kernel == 1 && p.w.stride > 1) {  // skips pixels and rows
      first = smaller(row_end * p.h.stride, p.h.in);
      rows_ = next_end - row_end;
      lines_ = p.w.out;
      row_step_ = p.h.stride * row_bytes;
      line_step_ = p.w.stride * kVectorBytes;
    } else {
      first = input_end(p.h, row_end);
      rows_ = 1;
      lines_ =
          static_cast<int>(((input_end(p.h, next_end) - first) * row_bytes + kLineBytes - 1) / kLineBytes);
      row_step_ = 0;
      line_step_ = kLineBytes;
    }
    plane_bytes_ = p.in_plane * static_cast<std::int64_t>(sizeof(Element));
    plane_ = reinterpret_cast<const char*>(in) + first * row_bytes;
    left_ = std::int64_t{rows_} * lines_ * p.C;
    step_ = static_cast<int>((left_ + calls - 1) / calls);
  }

  void advance() {
    for (int i = 0; i < step_ && left_ > 0; ++i, --left_) {
      __builtin_prefetch(plane_ + row_ * row_step_ + line_ * line_step_);
      if (++line_ < lines_) continue;
      line_ = 0;
      if (++row_ == rows_) row_ = 0, plane_ += plane_bytes_;
    }
  }

 private:
  // One past the last input row that output rows [0, end) see.
  static int input_end(const AxisShape& h, int end) {
    for (int o = end - 1; o >= 0; --o) {
      const AxisReach reach = axis_reach(h, o);
      if (reach.taps > 0) return reach.first_in + (h.backward ? 1 : reach.taps);
    }
    return 0;
  }

  static constexpr int kLineBytes = 64;

  std::int64_t plane_bytes_, row_step_, line_step_, left_;
  const char* plane_;
  int rows_, lines_, row_ = 0, line_ = 0, step_;
};

// The pixels of one class in a strip.
struct PixelRange {
  const int *out_h, *in_h, *out_w, *in_w;  // coordinates
  int rows, columns;
  const Tap* taps;
  int tap_count;
  TapPhase phase;
};

// What a task reads and writes: a group of convolution of a group of images, and panels of its output
// channels.
template <class Product>
struct GatherIo {
  using Element = typename Product::Element;

  const Element* in;
  const typename Product::Scalar* packed;
  const float* bias;
  const Element* residual;
  Element* out;
  bool relu;
  bool accumulate;  // to what is there
  int panel_begin, panel_end;
};

// What follows the sums of a block, while it is in the L1 cache.
template <class Product>
void finish_block(const BlockArgs<Product>& block, int height, int vectors, const GatherIo<Product>& io) {
  for (int n = 0; n < vectors; ++n) {
    for (int m = 0; m < height; ++m) {
      auto* at = block.c[n] + m * block.c_step;
      Vec sum = load(at);
      if (io.residual != nullptr) sum += load(io.residual + (at - io.out));
      store(at, io.relu ? max(zero(), sum) : sum);
    }
  }
}

// Adds the input channels c0 .. c1-1 to the output channels of the pixels. The inputs of a few pixels stay in
// the L1 cache while the panels of weights stream over them.
template <class Product>
void multiply_pixels(const Gather& p, const PixelRange& pixels, int c0, int c1, const GatherIo<Product>& io,
                     RowPrefetch& prefetch) {
  const Panels& panels = p.panels;
  const bool finish = c1 == p.C && (io.relu || io.residual != nullptr);
  BlockArgs<Product> args;
  args.taps = pixels.taps;
  args.tap_count = pixels.tap_count;
  args.channels = pixels.tap_count == 0 ? 0 : c1 - c0;
  args.b_step = p.in_plane;
  args.c_step = p.out_plane;
  args.accumulate = c0 > 0 || io.accumulate;
  const int total = pixels.rows * pixels.columns;
  const int chunk = chunk_pixels(panels, args.channels * pixels.tap_count);
  int row = 0, column = 0;
  for (int done = 0; done < total; done += chunk) {
    const int count = smaller(chunk, total - done);
    const typename Product::Element* from[kMaxChunk];
    typename Product::Element* to[kMaxChunk];
    for (int n = 0; n < count; ++n) {
      from[n] =
          io.in + c0 * p.in_plane + (std::int64_t{pixels.in_h[row]} * p.w.in + pixels.in_w[column]) * kLanes;
      to[n] = io.out + (std::int64_t{pixels.out_h[row]} * p.w.out + pixels.out_w[column]) * kLanes;
      if (++column == pixels.columns) column = 0, ++row;
    }
    for (int panel = io.panel_begin; panel < io.panel_end; ++panel) {
      const int height = panels.height(panel), m = panels.begin(panel), widest = max_vectors(height);
      args.a_step = std::int64_t{pixels.phase.taps} * height;
      args.A = io.packed + panel * p.panel_size + phase_offset(p, pixels.phase, height) +
               c0 / Product::kChannels * args.a_step;
      // The same slice of the next panel, if slices are short.
      const int next = panel + 1 < io.panel_end ? panel + 1 : io.panel_begin;
      args.ahead = (c1 - c0) / Product::kChannels * args.a_step > kScalarsAhead
                       ? kScalarsAhead
                       : (next - panel) * p.panel_size;
      args.start = io.bias == nullptr ? nullptr : io.bias + m;
      for (int first = 0; first < count; first += widest) {
        const int vectors = smaller(widest, count - first);
        for (int n = 0; n < vectors; ++n) {
          args.b[n] = from[first + n];
          args.c[n] = to[first + n] + m * p.out_plane;
        }
        block_kernel<Product>(height, vectors)(args);
        if (finish) finish_block(args, height, vectors, io);
        prefetch.advance();
      }
    }
  }
}

// Output rows [row_begin, row_end) of one group of convolution and one group of images.
template <class Product>
void gather_rows(const Gather& p, int row_begin, int row_end, const GatherIo<Product>& io) {
  const Panels& panels = p.panels;
  const int mean_taps = p.backward ? p.taps / (p.h.stride * p.w.stride) : p.taps;
  const int calls = (row_end - row_begin) * p.w.out / max_vectors(panels.height(0)) *
                        (io.panel_end - io.panel_begin) * slice_count(p, mean_taps) +
                    1;
  RowPrefetch prefetch(p, io.in, row_end, smaller(row_end + p.strip_rows, p.h.out), calls);
  for (int ch = 0; ch < p.axis_h.class_count; ++ch) {
    const AxisClass& h = p.axis_h.classes[ch];
    int begin = h.begin, end = h.end;
    while (begin < end && p.axis_h.out[begin] < row_begin) ++begin;
    while (end > begin && p.axis_h.out[end - 1] >= row_end) --end;
    if (begin == end) continue;
    for (int cw = 0; cw < p.axis_w.class_count; ++cw) {
      const AxisClass& w = p.axis_w.classes[cw];
      const int taps = h.taps * w.taps;
      if (taps == 0 && io.accumulate) continue;
      const PixelRange pixels = {p.axis_h.out + begin,
                                 p.axis_h.first_in + begin,
                                 p.axis_w.out + w.begin,
                                 p.axis_w.first_in + w.begin,
                                 end - begin,
                                 w.end - w.begin,
                                 tap_list(p, ch, cw),
                                 taps,
                                 taps == 0 ? TapPhase{} : packed_tap(p, h.first_tap, w.first_tap).phase};
      const int slices = slice_count(p, taps);
      for (int slice = 0; slice < slices; ++slice) {
        multiply_pixels(p, pixels, p.C * slice / slices, p.C * (slice + 1) / slices, io, prefetch);
      }
    }
  }
  if (row_end == p.h.out && p.h.out * p.w.out % 2 == 0) {
    for (int m = panels.begin(io.panel_begin); m < panels.begin(io.panel_end); ++m) {
      store(io.out + (m + 1) * p.out_plane - kLanes, zero());
    }
  }
}

struct GatherArgs {
  const void* in;
  const float* weights;
  const void* prepared;  // null: weights are packed
  const float* bias;
  const void* residual;
  bool relu;
  bool accumulate;
  void* out;
  void* scratch;
};

template <class Product>
void run_gather(const Conv2dShape& s, bool backward, const GatherArgs& args) {
  using Element = typename Product::Element;
  using Scalar = typename Product::Scalar;
  ScratchLayout scratch(args.scratch);
  const Gather p = plan_gather<Product>(s, backward, scratch);
  build_tap_lists(p);
  const auto* packed = static_cast<const Scalar*>(args.prepared);
  if (packed == nullptr) {
    Scalar* fresh = scratch.take<Scalar>(packed_scalars(p));
    pack_weights<Product>(p, args.weights, fresh);
    packed = fresh;
  }
  const int strips = strip_count(p);
  const Panels& panels = p.panels;
  parallel_for(groups(s.N) * p.groups * p.tasks * p.parts, [&](std::int64_t task) {
    const int part = static_cast<int>(task % p.parts);
    const std::int64_t rows = task / p.parts;
    const std::int64_t channels = rows / p.tasks;  // group of images, group of convolution
    const std::int64_t group = channels % p.groups, out_at = channels * p.M * p.out_plane;
    const auto* residual = static_cast<const Element*>(args.residual);
    const GatherIo<Product> io = {.in = static_cast<const Element*>(args.in) + channels * p.C * p.in_plane,
                                  .packed = packed + group * panels.count * p.panel_size,
                                  .bias = args.bias == nullptr ? nullptr : args.bias + group * p.M,
                                  .residual = residual == nullptr ? nullptr : residual + out_at,
                                  .out = static_cast<Element*>(args.out) + out_at,
                                  .relu = args.relu,
                                  .accumulate = args.accumulate,
                                  .panel_begin = panels.count * part / p.parts,
                                  .panel_end = panels.count * (part + 1) / p.parts};
    const int range = static_cast<int>(rows % p.tasks), end = strips * (range + 1) / p.tasks;
    for (int strip = strips * range / p.tasks; strip < end; ++strip) {
      const int row = strip * p.strip_rows;
      gather_rows(p, row, smaller(row + p.strip_rows, p.h.out), io);
    }
  });
}

template <class Product, bool backward>
std::size_t gather_scratch_bytes(const Conv2dShape& shape) {
  ScratchLayout scratch(nullptr);
  scratch.take<typename Product::Scalar>(packed_scalars(plan_gather<Product>(shape, backward, scratch)));
  return scratch.bytes();
}

inline std::size_t gather_prepared_bytes(const Conv2dShape& shape) {
  ScratchLayout scratch(nullptr);
  return static_cast<std::size_t>(packed_scalars(plan_gather<F32Product>(shape, false, scratch))) *
         sizeof(float);
}

inline void prepare_gather(const Conv2dShape& shape, const float* weights, void* prepared) {
  ScratchLayout scratch(nullptr);
  pack_weights<F32Product>(plan_gather<F32Product>(shape, false, scratch), weights,
                           static_cast<float*>(prepared));
}

template <class Product>
void direct_forward(const Conv2dShape& shape, const Conv2dArgs& args) {
  run_gather<Product>(shape, false,
                      {args.src, args.weights, args.prepared, args.bias, args.residual, args.relu, false,
                       args.dst, args.scratch});
}

template <class Product>
void direct_backward_data(const Conv2dShape& shape, const Conv2dArgs& args) {
  run_gather<Product>(shape, true,
                      {args.diff_dst, args.weights, nullptr, nullptr, nullptr, false, args.accumulate,
                       args.diff_src, args.scratch});
}

}  // namespace
}  // namespace espalier::kernels
