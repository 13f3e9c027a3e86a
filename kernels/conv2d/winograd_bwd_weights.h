// Winograd, backward weights. The gradient goes back through the forward's maps:
//
//   V = B^T d B for each (ic, tile, image)
//   D = A y A^T for each (oc, tile, image), y the gradient of a tile's outputs
//   W[f] = V[f] D[f]^T for each frequency f: products of [IC, tiles * 16 images] by
//          [tiles * 16 images, OC]
//   diff_weights = G^T W G
//
// Here the images are summed over. V stays in lanes, and the product broadcasts from them; of D each 16
// channels x 16 images are transposed on reading, so that a vector holds 16 output channels of one image.
//
// Two orders of the same work, chosen by size:
//   blocked  a task takes its share of the tiles, a few at a time, through transforms and products, with V, D
//            and its own W in the L2 cache; the tasks' taps are added at the end. For few channels and many
//            tiles.
//   staged   all tiles are transformed, then each frequency multiplied, then W transformed: W is written
//            once. For many channels, where W does not fit.
// The tasks and so the order of every sum depend on the shape alone.
#pragma once

#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/base/transpose.h"
#include "kernels/conv2d/bias_gradient.h"
#include "kernels/conv2d/winograd_multiply.h"
#include "kernels/conv2d/winograd_tiles.h"

namespace espalier::kernels {
namespace {

// Output channels in vectors of 16, and these in blocks of kPanelVectors, the last of each maybe smaller.
struct OutputBlocks {
  int channels;
  int vectors() const { return (channels + kLanes - 1) / kLanes; }
  int count() const { return (vectors() + kPanelVectors - 1) / kPanelVectors; }
  int width(int block) const {
    const int left = vectors() - block * kPanelVectors;
    return left < kPanelVectors ? left : kPanelVectors;
  }
};

// Rows of a block of products. Its scalars lie 64 bytes apart, and on AVX-512 8 x 2 blocks of them are faster
// than 14 x 2.
constexpr int kGradientRows = kVecIsa == Isa::avx512 ? 8 : kMaxRows;

template <class A>
struct BackwardWeightsPlan {
  using Product = typename A::Product;
  using Scalar = typename Product::Scalar;
  static constexpr int kLaneSteps = Product::kLaneSteps;

  TiledConv<A> conv;
  Panels panels;        // of input channels
  OutputBlocks blocks;  // of output channels
  bool staged;
  std::int64_t chunk_tiles;                   // tiles in V and D at once
  std::int64_t tasks;                         // blocked: each a contiguous share of the chunks
  std::int64_t v_stride, d_stride, w_stride;  // scalars from one frequency to the next
  std::int64_t v_size, d_size, w_size, taps_size;

  // Blocked, each thread has its own V, D and W; staged, there is one of each.
  Scalar* V;    // [frequencies][panels][tiles][rows][kLaneSteps]
  Scalar* D;    // [frequencies][blocks][tiles * kLaneSteps][NV * 16]
  float* W;     // [frequencies][blocks][IC][NV * 16]
  float* taps;  // [tasks][OC / 16][IC][9][16], blocked only

  BackwardWeightsPlan(const Conv2dShape& s, ScratchLayout& scratch)
      : conv(TiledConv<A>::forward(s)),
        panels(s.IC, s.OC <= kLanes ? max_panel_rows(1) : kGradientRows),
        blocks{s.OC} {
    choose_chunks();
    v_stride = frequency_stride(conv.IC * chunk_tiles * kLaneSteps);
    d_stride = frequency_stride(blocks.vectors() * chunk_tiles * kLaneSteps * kLanes);
    w_stride = frequency_stride(std::int64_t{conv.IC} * blocks.vectors() * kLanes);
    v_size = A::kFrequencies * v_stride;
    d_size = A::kFrequencies * d_stride;
    w_size = A::kFrequencies * w_stride;
    taps_size = std::int64_t{blocks.vectors()} * conv.IC * 9 * kLanes;
    const int copies = staged ? 1 : num_threads();
    V = scratch.take<Scalar>(copies * v_size);
    D = scratch.take<Scalar>(copies * d_size);
    W = scratch.take<float>(copies * w_size);
    taps = scratch.take<float>(staged ? 0 : tasks * taps_size);
  }

  std::int64_t chunks() const { return (conv.tiles() + chunk_tiles - 1) / chunk_tiles; }
  // Where channel c of a chunk's tile lies in a frequency of V: [panels][tiles][rows]
  // [kLaneSteps].
  ESPALIER_INLINE std::int64_t v_offset(int panel, std::int64_t tile, int c, std::int64_t tiles) const {
    const int begin = panels.begin(panel);
    return (begin * tiles + tile * panels.height(panel) + (c - begin)) * kLaneSteps;
  }
  // Step 0 of a chunk's tile, output channels 16*vector.. of D: [blocks][tiles * kLaneSteps][width][16].
  ESPALIER_INLINE std::int64_t d_offset(std::int64_t tile, int vector, std::int64_t tiles) const {
    const int block = vector / kPanelVectors;
    return (std::int64_t{block} * kPanelVectors * tiles * kLaneSteps +
            tile * kLaneSteps * blocks.width(block) + vector % kPanelVectors) *
           kLanes;
  }
  // Input channel ic, output channels 16*vector.. of W: [blocks][IC][width][16].
  ESPALIER_INLINE std::int64_t w_offset(int ic, int vector) const {
    const int block = vector / kPanelVectors;
    return (std::int64_t{block} * kPanelVectors * conv.IC + std::int64_t{ic} * blocks.width(block) +
            vector % kPanelVectors) *
           kLanes;
  }

 private:
  void choose_chunks() {
    const std::int64_t oc = blocks.vectors() * kLanes;
    const std::int64_t tile_bytes = A::kFrequencies * (conv.IC + oc) * kLaneSteps * 4;
    const std::int64_t w_bytes = A::kFrequencies * conv.IC * oc * 4;
    // W may come past from L3 once for each chunk; V and D, written and read, should not. A small W stays in
    // L2 beside V and D of a tile or two. Of a large one, the longer sums run on before they rest in W the
    // better, even if V and D then leave L2 too: on AVX-512, where products are fast, that pays. Measured
    // there with 2 MiB of L2, elsewhere with 512 KiB.
    constexpr bool kWide = kVecIsa == Isa::avx512;
    staged = w_bytes >= (kWide ? 16 << 20 : 4 << 20);
    const std::int64_t blocked_bytes = w_bytes <= (1 << 20) ? 600 << 10 : kWide ? 4800 << 10 : 1200 << 10;
    const std::int64_t budget_bytes = staged ? 40 << 20 : blocked_bytes;
    chunk_tiles = budget_bytes / tile_bytes;
    if (chunk_tiles < 1) chunk_tiles = 1;
    if (chunk_tiles > conv.tiles()) chunk_tiles = conv.tiles();
    tasks = (chunks() + 7) / 8;
    if (tasks > 16) tasks = 16;
  }
};

// V of the tiles t0 .. t0+tiles-1 for one panel of input channels.
template <class A, class T>
void transform_sources(const BackwardWeightsPlan<A>& plan, const T* src, std::int64_t t0, std::int64_t tiles,
                       int panel, typename A::Product::Scalar* V) {
  using Product = typename A::Product;
  const TiledConv<A>& conv = plan.conv;
  for_each_run(conv, t0, t0 + tiles, [&](const typename TiledConv<A>::Tile& tile, int index, int count) {
    for (int c = plan.panels.begin(panel); c < plan.panels.begin(panel + 1); ++c) {
      transform_input<1>(
          conv, src + (tile.g * conv.IC + c) * conv.src_plane(), 1, tile, count, plan.v_stride,
          [&](int r) { return V + plan.v_offset(panel, index + r, c, tiles); },
          [](typename Product::Scalar * at, const Vec(&value)[1])
              __attribute__((always_inline)) { Product::store_lanes(at, value[0]); });
    }
  });
}

// D of the tiles t0 .. t0+tiles-1 for 16 output channels.
template <class A, class T>
void transform_gradients(const BackwardWeightsPlan<A>& plan, const T* diff_dst, std::int64_t t0,
                         std::int64_t tiles, int vector, typename A::Product::Scalar* D) {
  constexpr int kTile = A::kTile, kStepImages = kLanes / A::Product::kLaneSteps;
  const TiledConv<A>& conv = plan.conv;
  const int oc = vector * kLanes, count = conv.OC - oc < kLanes ? conv.OC - oc : kLanes;
  const std::int64_t step_stride = plan.blocks.width(vector / kPanelVectors) * kLanes;
  alignas(64) float pixels[kTile * kTile][kLanes][kLanes];  // [pixel][image][channel]
  for (std::int64_t i = 0; i < tiles; ++i) {
    const typename TiledConv<A>::Tile tile = conv.tile(t0 + i);
    const T* plane = diff_dst + (tile.g * conv.OC + oc) * conv.dst_plane();
    for (int pixel = 0; pixel < kTile * kTile; ++pixel) {
      const int oh = tile.row * kTile + pixel / kTile, ow = tile.col * kTile + pixel % kTile;
      const bool inside = oh < conv.OH && ow < conv.OW;
      Vec channels[kLanes];
      load_lanes_transposed(plane + (inside ? (std::int64_t{oh} * conv.OW + ow) * kLanes : 0),
                            conv.dst_plane(), inside ? count : 0, channels);
      ESPALIER_UNROLL for (int image = 0; image < kLanes; ++image)
          store(pixels[pixel][image], channels[image]);
    }
    auto* out = D + plan.d_offset(i, vector, tiles);
    for (int image = 0; image < kLanes; image += kStepImages, out += step_stride) {
      Vec values[A::kFrequencies][kStepImages];
      ESPALIER_UNROLL for (int part = 0; part < kStepImages; ++part) {
        Vec y[kTile * kTile];
        ESPALIER_UNROLL for (int pixel = 0; pixel < kTile * kTile; ++pixel) y[pixel] =
            load(pixels[pixel][image + part]);
        expand_tile<kTile, A::kInput, A::output_gradient>(
            y, [&](int f, Vec v) __attribute__((always_inline)) { values[f][part] = v; });
      }
      ESPALIER_UNROLL for (int f = 0; f < A::kFrequencies; ++f) {
        A::Product::store_step(out + f * plan.d_stride, values[f]);
      }
    }
  }
}

// W[f] (+)= V[f] D[f]^T
template <class A>
void multiply_frequency(const BackwardWeightsPlan<A>& plan, const typename A::Product::Scalar* V,
                        const typename A::Product::Scalar* D, float* W, int f, std::int64_t tiles,
                        bool accumulate, TilePrefetcher& src_ahead, int src_lines, TilePrefetcher& dst_ahead,
                        int dst_lines) {
  for (int block = 0; block < plan.blocks.count(); ++block) {
    const int vector = block * kPanelVectors;
    for (int panel = 0; panel < plan.panels.count; ++panel) {
      const int ic = plan.panels.begin(panel);
      src_ahead.fetch(src_lines);
      dst_ahead.fetch(dst_lines);
      multiply_kernel<typename A::Product, PanelOrder::lanes>(plan.panels.height(panel),
                                                              plan.blocks.width(block))(
          V + f * plan.v_stride + plan.v_offset(panel, 0, ic, tiles),
          D + f * plan.d_stride + plan.d_offset(0, vector, tiles),
          W + f * plan.w_stride + plan.w_offset(ic, vector), static_cast<int>(tiles * plan.kLaneSteps),
          accumulate);
    }
  }
}

// taps[9] = G^T W G for one input channel and 16 output channels.
template <class A>
ESPALIER_INLINE void transform_products(const BackwardWeightsPlan<A>& plan, const float* W, int ic,
                                        int vector, Vec (&taps)[16]) {
  const float* w = W + plan.w_offset(ic, vector);
  contract_tile<3, A::kInput, A::weights_gradient>(
      [&](int f) __attribute__((always_inline)) { return load(w + f * plan.w_stride); },
      [&](int i, int j, Vec v) __attribute__((always_inline)) { taps[3 * i + j] = v; });
  ESPALIER_UNROLL for (int tap = 9; tap < 16; ++tap) taps[tap] = zero();
}

template <class A>
ESPALIER_INLINE void store_taps(const BackwardWeightsPlan<A>& plan, const Vec (&taps)[16], int ic, int vector,
                                float* diff_weights) {
  const int IC = plan.conv.IC, oc = vector * kLanes;
  const int count = plan.conv.OC - oc < kLanes ? plan.conv.OC - oc : kLanes;
  store_transposed(diff_weights + (std::int64_t{oc} * IC + ic) * 9, std::int64_t{IC} * 9, count, 9, taps);
}

template <class T, class A>
void run_blocked(const BackwardWeightsPlan<A>& plan, const Conv2dArgs& args) {
  const TiledConv<A>& conv = plan.conv;
  const auto *src = static_cast<const T*>(args.src), *diff_dst = static_cast<const T*>(args.diff_dst);
  parallel_for(plan.tasks, [&](std::int64_t task) {
    auto* V = plan.V + thread_index() * plan.v_size;
    auto* D = plan.D + thread_index() * plan.d_size;
    float* W = plan.W + thread_index() * plan.w_size;
    const std::int64_t first = plan.chunks() * task / plan.tasks * plan.chunk_tiles;
    std::int64_t end = plan.chunks() * (task + 1) / plan.tasks * plan.chunk_tiles;
    if (end > conv.tiles()) end = conv.tiles();
    for (std::int64_t t = first; t < end; t += plan.chunk_tiles) {
      const auto tiles_from = [&](std::int64_t start) {
        return end - start < plan.chunk_tiles ? end - start : plan.chunk_tiles;
      };
      const std::int64_t tiles = tiles_from(t), next = t + tiles, next_end = next + tiles_from(next);
      for (int panel = 0; panel < plan.panels.count; ++panel)
        transform_sources(plan, src, t, tiles, panel, V);
      for (int vector = 0; vector < plan.blocks.vectors(); ++vector) {
        transform_gradients(plan, diff_dst, t, tiles, vector, D);
      }
      TilePrefetcher src_ahead(conv, src, conv.IC, conv.IH, conv.IW, conv.src_plane(), conv.PH, conv.PW,
                               A::kInput, next, next_end);
      TilePrefetcher dst_ahead(conv, diff_dst, conv.OC, conv.OH, conv.OW, conv.dst_plane(), 0, 0, A::kTile,
                               next, next_end);
      const std::int64_t calls = A::kFrequencies * plan.panels.count * plan.blocks.count();
      const auto lines_a_call = [&](const TilePrefetcher& ahead) {
        return static_cast<int>((ahead.lines() + calls - 1) / calls);
      };
      const int src_lines = lines_a_call(src_ahead), dst_lines = lines_a_call(dst_ahead);
      for (int f = 0; f < A::kFrequencies; ++f) {
        multiply_frequency(plan, V, D, W, f, tiles, t > first, src_ahead, src_lines, dst_ahead, dst_lines);
      }
    }
    float* partial = plan.taps + task * plan.taps_size;
    for (int vector = 0; vector < plan.blocks.vectors(); ++vector) {
      for (int ic = 0; ic < conv.IC; ++ic, partial += 9 * kLanes) {
        Vec taps[16];
        transform_products(plan, W, ic, vector, taps);
        ESPALIER_UNROLL for (int tap = 0; tap < 9; ++tap) store(partial + tap * kLanes, taps[tap]);
      }
    }
  });
  parallel_for(plan.blocks.vectors(), [&](std::int64_t vector) {
    for (int ic = 0; ic < conv.IC; ++ic) {
      const float* partial = plan.taps + (vector * conv.IC + ic) * 9 * kLanes;
      Vec taps[16];
      ESPALIER_UNROLL for (int tap = 0; tap < 16; ++tap) taps[tap] = zero();
      for (std::int64_t task = 0; task < plan.tasks; ++task, partial += plan.taps_size) {
        ESPALIER_UNROLL for (int tap = 0; tap < 9; ++tap) taps[tap] += load(partial + tap * kLanes);
      }
      store_taps(plan, taps, ic, static_cast<int>(vector), args.diff_weights);
    }
  });
}

template <class T, class A>
void run_staged(const BackwardWeightsPlan<A>& plan, const Conv2dArgs& args) {
  const TiledConv<A>& conv = plan.conv;
  const auto *src = static_cast<const T*>(args.src), *diff_dst = static_cast<const T*>(args.diff_dst);
  for (std::int64_t t = 0; t < conv.tiles(); t += plan.chunk_tiles) {
    const std::int64_t tiles = conv.tiles() - t < plan.chunk_tiles ? conv.tiles() - t : plan.chunk_tiles;
    const int panels = plan.panels.count;
    parallel_for(panels + plan.blocks.vectors(), [&](std::int64_t task) {
      const int index = static_cast<int>(task);
      if (index < panels) {
        transform_sources(plan, src, t, tiles, index, plan.V);
      } else {
        transform_gradients(plan, diff_dst, t, tiles, index - panels, plan.D);
      }
    });
    parallel_for(A::kFrequencies, [&](std::int64_t f) {
      TilePrefetcher nothing;
      multiply_frequency(plan, plan.V, plan.D, plan.W, static_cast<int>(f), tiles, t > 0, nothing, 0, nothing,
                         0);
    });
  }
  parallel_for(plan.blocks.vectors(), [&](std::int64_t vector) {
    for (int ic = 0; ic < conv.IC; ++ic) {
      Vec taps[16];
      transform_products(plan, plan.W, ic, static_cast<int>(vector), taps);
      store_taps(plan, taps, ic, static_cast<int>(vector), args.diff_weights);
    }
  });
}

template <class A, class T>
void winograd_backward_weights(const Conv2dShape& s, const Conv2dArgs& args) {
  ScratchLayout scratch(args.scratch);
  const BackwardWeightsPlan<A> plan(s, scratch);
  if (plan.staged) {
    run_staged<T>(plan, args);
  } else {
    run_blocked<T>(plan, args);
  }
  bias_gradient<T>(s, args);
}

template <class A>
std::size_t winograd_backward_weights_scratch(const Conv2dShape& s) {
  ScratchLayout scratch(nullptr);
  const BackwardWeightsPlan<A> plan(s, scratch);
  return scratch.bytes();
}

template <class A, class T>
bool winograd_backward_weights_supports(const Conv2dShape& s) {
  return s.element == element_of<T> && winograd_wins<A>(s, s.OH(), s.OW());
}

template <class A, class T>
constexpr Conv2dKernel winograd_backward_weights_kernel(const char* name, Isa isa) {
  return {name,
          isa,
          Conv2dPass::backward_weights,
          winograd_backward_weights_supports<A, T>,
          winograd_backward_weights_scratch<A>,
          winograd_backward_weights<A, T>};
}

}  // namespace
}  // namespace espalier::kernels
