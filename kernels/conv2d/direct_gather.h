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
#include "kernels/conv2d/direct_plan.h"
#include "kernels/conv2d/past_caches.h"
#include "kernels/conv2d/row_prefetch.h"
#include "kernels/gemm/micro.h"

namespace espalier::kernels {
namespace {

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
  bool accumulate;   // to what is there
  bool past_caches;  // may sums that need no second visit be written so?
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
  args.past_caches = io.past_caches && c1 - c0 == p.C && !io.accumulate && !finish;
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
  const bool past_caches = goes_past_caches<Element>(groups(s.N) * p.groups * p.M * p.out_plane);
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
                                  .past_caches = past_caches,
                                  .panel_begin = panels.count * part / p.parts,
                                  .panel_end = panels.count * (part + 1) / p.parts};
    const int range = static_cast<int>(rows % p.tasks), end = strips * (range + 1) / p.tasks;
    for (int strip = strips * range / p.tasks; strip < end; ++strip) {
      const int row = strip * p.strip_rows;
      gather_rows(p, row, smaller(row + p.strip_rows, p.h.out), io);
    }
    if (past_caches) stream_fence();
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
