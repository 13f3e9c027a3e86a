// Winograd: forward, and backward data, which is the forward of the turned and transposed
// weights.
//
//   U = G g G^T for each (ic, oc)          V = B^T d B for each (ic, tile, image)
//   M[f] = U[f]^T V[f] for each frequency f: products of [OC, IC] by [IC, tiles * 16 images]
//   dst = A^T M A + bias
//
// Two orders of the same work, chosen by size:
//   by tiles     a task takes a few tiles through all steps, with their V in its L2 cache; all of U comes
//                past once for each few tiles. For few channels and many tiles.
//   by channels  V is made of all tiles (or a large part); then a task makes the U of some output channels
//                in its L2 cache, and V comes past once for each. For many channels and few tiles.
//
// A is the algorithm, F4x4 or F2x2; its Product says what U and V hold: f32, or pairs of channels of bf16,
// which are rounded after their transforms.
//
// U may have been prepared. Then no task makes any, and what decides is the number of tiles: with few, tasks
// by channels are more.
#pragma once

#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/base/transpose.h"
#include "kernels/conv2d/past_caches.h"
#include "kernels/conv2d/winograd_multiply.h"
#include "kernels/conv2d/winograd_tiles.h"

namespace espalier::kernels {
namespace {

// How 3x3 weights lie in memory as the taps of output channel o and input channel i.
struct TapView {
  const float* weights;
  std::int64_t out_stride, in_stride;  // in floats
  bool turned;                         // by 180 degrees
};

// What the outputs become besides the convolution: args of the forward pass.
template <class T>
struct Finish {
  const float* bias;  // null: none
  const T* residual;  // null: none
  bool relu;
};

// So many tiles make too few tasks by tiles.
constexpr std::int64_t kFewTiles = 16;

template <class A>
struct ForwardPlan {
  using Product = typename A::Product;
  using Scalar = typename Product::Scalar;

  TiledConv<A> conv;
  int steps;      // of a sum over the input channels
  Panels panels;  // of output channels
  bool prepared;  // U is given
  bool by_channels;
  std::int64_t block_tiles;                   // tiles in V at once
  int group_panels;                           // panels in M at once
  std::int64_t u_stride, v_stride, m_stride;  // scalars from one frequency to the next
  std::int64_t panel_size, v_size, m_size;    // scalars in U of a panel, V, M

  // By tiles, U is everyone's and V a thread's own; by channels the other way round. M is always a
  // thread's own.
  Scalar* U;  // [panels] or [threads][group_panels]: [frequencies][steps][rows]; none when prepared: that is
              // [panels]
  Scalar* V;  // [threads] or once: [frequencies][tiles / NV][steps][NV][16]
  float* M;   // [threads][frequencies][tiles / NV][OC of a group][NV][16]

  ForwardPlan(const TiledConv<A>& c, bool u_is_given, ScratchLayout& scratch)
      : conv(c),
        steps((c.IC + Product::kChannels - 1) / Product::kChannels),
        panels(c.OC),
        prepared(u_is_given) {
    choose_blocks();
    // Weights are stored 16 at a time, beyond the last row of a panel: hence the 16 spare scalars.
    u_stride = frequency_stride(std::int64_t{steps} * panels.height(panels.count - 1) + kLanes);
    v_stride = frequency_stride(steps * block_tiles * kLanes);
    m_stride = frequency_stride(group_panels * panels.height(panels.count - 1) * block_tiles * kLanes);
    panel_size = A::kFrequencies * u_stride;
    v_size = A::kFrequencies * v_stride;
    m_size = A::kFrequencies * m_stride;
    const int threads = num_threads();
    U = prepared ? nullptr
                 : scratch.take<Scalar>((by_channels ? threads * group_panels : panels.count) * panel_size);
    V = scratch.take<Scalar>((by_channels ? 1 : threads) * v_size);
    M = scratch.take<float>(threads * m_size);
  }

  int group_end(int p0) const { return p0 + group_panels < panels.count ? p0 + group_panels : panels.count; }

 private:
  void choose_blocks() {
    // V of one tile vector; a block's should leave room in the L2 cache for M, and for U or the part of it
    // in use. Measured with 2 MiB and with 512 KiB of L2; from half to four times the budget hardly matters.
    const std::int64_t tile_bytes = std::int64_t{A::kFrequencies} * steps * kLanes * 4;
    const std::int64_t u_bytes = std::int64_t{A::kFrequencies} * steps * conv.OC * 4;
    by_channels = u_bytes > A::kLargeWeightsBytes || (prepared && conv.tiles() <= kFewTiles);
    const std::int64_t budget_bytes = by_channels ? 32 << 20 : 320 << 10;
    block_tiles = budget_bytes / tile_bytes / kPanelVectors * kPanelVectors;
    const int fewest = A::kFewestVectors * kPanelVectors;
    if (block_tiles < fewest) block_tiles = fewest;
    if (block_tiles > conv.tiles()) block_tiles = conv.tiles();
    // Panel after panel U is one stream, and M small. But V comes past once for each group: where it does not
    // stay in L2, all panels take their turn at each of its frequencies; by channels three of them, for their
    // U is made in the cache, and where threads have enough groups to share them evenly. (Measured with 1 and
    // 2 MiB; the narrower ISAs take two.)
    const bool outgrows_cache = !by_channels && block_tiles * tile_bytes > (768 << 10);
    const bool few = panels.count < 2 || (prepared && conv.tiles() <= kPanelVectors);
    int together = 1;
    if (outgrows_cache) together = panels.count;
    if (by_channels && panels.count >= 9 * num_threads()) together = 3;
    group_panels = few ? 1 : kVecIsa != Isa::avx512 ? 2 : together;
  }
};

// U of one panel of output channels: [frequencies][steps][rows].
template <class A>
void transform_weights(const ForwardPlan<A>& plan, const TapView& taps, int panel,
                       typename A::Product::Scalar* U) {
  constexpr int kChannels = A::Product::kChannels;
  const int rows = plan.panels.height(panel), IC = plan.conv.IC;
  const float* from = taps.weights + plan.panels.begin(panel) * taps.out_stride;
  for (int ic = 0; ic < IC; ic += kChannels, from += kChannels * taps.in_stride, U += rows) {
    Vec u[A::kFrequencies][kChannels];
    ESPALIER_UNROLL for (int c = 0; c < kChannels; ++c) {
      Vec flat[16], g[9];
      load_transposed(from + c * taps.in_stride, taps.out_stride, ic + c < IC ? rows : 0, 9, flat);
      ESPALIER_UNROLL for (int tap = 0; tap < 9; ++tap) g[tap] = flat[taps.turned ? 8 - tap : tap];
      expand_tile<3, A::kInput, A::weights>(
          g, [&](int f, Vec v) __attribute__((always_inline)) { u[f][c] = v; });
    }
    ESPALIER_UNROLL for (int f = 0; f < A::kFrequencies; ++f)
        A::Product::store_step(U + f * plan.u_stride, u[f]);
  }
}

// Tiles of a block go through the product in vectors of kPanelVectors; the last may have fewer.
ESPALIER_INLINE int vectors_at(std::int64_t tile, std::int64_t tiles) {
  return tiles - tile < kPanelVectors ? static_cast<int>(tiles - tile) : kPanelVectors;
}

// Where tile `tile` of a block of `tiles`, channel c of C, lies in V or M: [tiles / NV][C][NV][16].
ESPALIER_INLINE std::int64_t block_offset(std::int64_t tile, std::int64_t tiles, int c, int C) {
  const std::int64_t first = tile / kPanelVectors * kPanelVectors;
  return (first * C + std::int64_t{c} * vectors_at(first, tiles) + (tile - first)) * kLanes;
}

// V of the tiles t0 .. t0+tiles-1 for the channels c0 .. c1-1, c0 even: V[f][tiles / NV][steps][NV][16].
template <class A, class T>
void transform_inputs(const ForwardPlan<A>& plan, const T* src, std::int64_t t0, std::int64_t tiles, int c0,
                      int c1, typename A::Product::Scalar* V) {
  using Product = typename A::Product;
  constexpr int kChannels = Product::kChannels;
  const TiledConv<A>& conv = plan.conv;
  for_each_run(conv, t0, t0 + tiles, [&](const typename TiledConv<A>::Tile& tile, int index, int count) {
    for (int c = c0; c < c1; c += kChannels) {
      transform_input<kChannels>(
          conv, src + (tile.g * conv.IC + c) * conv.src_plane(), conv.IC - c, tile, count, plan.v_stride,
          [&](int r) { return V + block_offset(index + r, tiles, c / kChannels, plan.steps); },
          [](typename Product::Scalar * at, const Vec(&values)[kChannels])
              __attribute__((always_inline)) { Product::store_step(at, values); });
    }
  });
}

// M[f] = U[f]^T V[f] for the panels p0 .. p1-1, whose U is given: M[f][tiles / NV][their OC][NV][16].
template <class A>
void multiply(const ForwardPlan<A>& plan, const typename A::Product::Scalar* U,
              const typename A::Product::Scalar* V, float* M, int p0, int p1, std::int64_t tiles,
              TilePrefetcher& ahead, int lines_a_call) {
  const int steps = plan.steps, oc0 = plan.panels.begin(p0), OC = plan.panels.begin(p1) - oc0;
  for (int f = 0; f < A::kFrequencies; ++f) {
    for (int panel = p0; panel < p1; ++panel) {
      const auto* u = U + (panel - p0) * plan.panel_size + f * plan.u_stride;
      const int oc = plan.panels.begin(panel) - oc0, rows = plan.panels.height(panel);
      for (std::int64_t tile = 0; tile < tiles; tile += kPanelVectors) {
        ahead.fetch(lines_a_call);
        multiply_kernel<typename A::Product, PanelOrder::rows>(rows, vectors_at(tile, tiles))(
            u, V + f * plan.v_stride + block_offset(tile, tiles, 0, steps),
            M + f * plan.m_stride + block_offset(tile, tiles, oc, OC), steps, false);
      }
    }
  }
}

// dst of the tiles t0 .. t0+tiles-1 for the panels p0 .. p1-1. Plain: no residual, no ReLU.
template <bool plain, class A, class T>
void transform_outputs(const ForwardPlan<A>& plan, const float* M, const Finish<T>& finish, int p0, int p1,
                       std::int64_t t0, std::int64_t tiles, T* dst) {
  const TiledConv<A>& conv = plan.conv;
  const int c0 = plan.panels.begin(p0), c1 = plan.panels.begin(p1);
  // Not where the lines are read, to be added to.
  const bool past_caches = finish.residual != dst && goes_past_caches<T>(conv.G * conv.OC * conv.dst_plane());
  for (std::int64_t i = 0; i < tiles; ++i) {
    const typename TiledConv<A>::Tile tile = conv.tile(t0 + i);
    const int oh0 = tile.row * A::kTile, ow0 = tile.col * A::kTile;
    const bool whole = oh0 + A::kTile <= conv.OH && ow0 + A::kTile <= conv.OW;
    for (int c = c0; c < c1; ++c) {
      const float* m = M + block_offset(i, tiles, c - c0, c1 - c0);
      T* plane = dst + (tile.g * conv.OC + c) * conv.dst_plane();
      T* out = plane + (std::int64_t{oh0} * conv.OW + ow0) * kLanes;
      const Vec b = broadcast(finish.bias == nullptr ? 0.0f : finish.bias[c]);
      const auto finished = [&](Vec v, const T* place) __attribute__((always_inline)) {
        v = v + b;
        if constexpr (!plain) {
          if (finish.residual != nullptr) v += load(finish.residual + (place - dst));
          if (finish.relu) v = max(zero(), v);
        }
        return v;
      };
      const auto get = [&](int f) __attribute__((always_inline)) { return load(m + f * plan.m_stride); };
      const auto at = [&](int y, int x) { return out + (std::int64_t{y} * conv.OW + x) * kLanes; };
      if (!whole) {
        contract_tile<A::kTile, A::kInput, A::output>(
            get, [&](int y, int x, Vec v) __attribute__((always_inline)) {
              if (oh0 + y < conv.OH && ow0 + x < conv.OW) store(at(y, x), finished(v, at(y, x)));
            });
      } else if (past_caches) {
        contract_tile<A::kTile, A::kInput, A::output>(
            get, [&](int y, int x, Vec v)
                     __attribute__((always_inline)) { stream(at(y, x), finished(v, at(y, x))); });
      } else {
        contract_tile<A::kTile, A::kInput, A::output>(
            get, [&](int y, int x, Vec v)
                     __attribute__((always_inline)) { store(at(y, x), finished(v, at(y, x))); });
      }
      if (oh0 == 0 && ow0 == 0 && conv.OH * conv.OW % 2 == 0)
        store(plane + conv.dst_plane() - kLanes, zero());
    }
  }
  if (past_caches) stream_fence();
}

template <class A, class T>
void transform_outputs(const ForwardPlan<A>& plan, const float* M, const Finish<T>& finish, int p0, int p1,
                       std::int64_t t0, std::int64_t tiles, T* dst) {
  if (finish.residual == nullptr && !finish.relu) {
    transform_outputs<true>(plan, M, finish, p0, p1, t0, tiles, dst);
  } else {
    transform_outputs<false>(plan, M, finish, p0, p1, t0, tiles, dst);
  }
}

template <class A>
void transform_all_weights(const ForwardPlan<A>& plan, const TapView& taps, typename A::Product::Scalar* U) {
  parallel_for(plan.panels.count, [&](std::int64_t panel) {
    transform_weights(plan, taps, static_cast<int>(panel), U + panel * plan.panel_size);
  });
}

template <class A, class T>
void convolve_by_tiles(const ForwardPlan<A>& plan, const typename A::Product::Scalar* U, const T* src,
                       const Finish<T>& finish, T* dst) {
  const TiledConv<A>& conv = plan.conv;
  const int panels = plan.panels.count;
  const std::int64_t blocks = (conv.tiles() + plan.block_tiles - 1) / plan.block_tiles;
  // Consecutive blocks in one task, so that a block can fetch the input of the next; fewer where there are
  // few.
  const std::int64_t blocks_per_task = blocks < 64 ? (blocks + 7) / 8 : 8;
  parallel_for((blocks + blocks_per_task - 1) / blocks_per_task, [&](std::int64_t task) {
    auto* V = plan.V + thread_index() * plan.v_size;
    float* M = plan.M + thread_index() * plan.m_size;
    const std::int64_t first = task * blocks_per_task * plan.block_tiles;
    const std::int64_t last = first + blocks_per_task * plan.block_tiles;
    const std::int64_t end = last < conv.tiles() ? last : conv.tiles();
    const auto tiles_from = [&](std::int64_t t) {
      return end - t < plan.block_tiles ? end - t : plan.block_tiles;
    };
    for (std::int64_t t = first; t < end; t += plan.block_tiles) {
      const std::int64_t tiles = tiles_from(t), next = t + tiles;
      transform_inputs(plan, src, t, tiles, 0, conv.IC, V);
      TilePrefetcher ahead(conv, src, conv.IC, conv.IH, conv.IW, conv.src_plane(), conv.PH, conv.PW,
                           A::kInput, next, next + tiles_from(next));
      const std::int64_t calls = A::kFrequencies * panels * ((tiles + kPanelVectors - 1) / kPanelVectors);
      const int lines_a_call = static_cast<int>((ahead.lines() + calls - 1) / calls);
      for (int p0 = 0; p0 < panels; p0 += plan.group_panels) {
        const int p1 = plan.group_end(p0);
        multiply(plan, U + p0 * plan.panel_size, V, M, p0, p1, tiles, ahead, lines_a_call);
        transform_outputs(plan, M, finish, p0, p1, t, tiles, dst);
      }
    }
  });
}

// given: all of U; null: each task makes what it uses.
template <class A, class T>
void convolve_by_channels(const ForwardPlan<A>& plan, const TapView& taps,
                          const typename A::Product::Scalar* given, const T* src, const Finish<T>& finish,
                          T* dst) {
  const TiledConv<A>& conv = plan.conv;
  for (std::int64_t t = 0; t < conv.tiles(); t += plan.block_tiles) {
    const std::int64_t tiles = conv.tiles() - t < plan.block_tiles ? conv.tiles() - t : plan.block_tiles;
    constexpr int kChannelsPerTask = 16;
    parallel_for((conv.IC + kChannelsPerTask - 1) / kChannelsPerTask, [&](std::int64_t task) {
      const int c0 = static_cast<int>(task) * kChannelsPerTask;
      const int c1 = c0 + kChannelsPerTask < conv.IC ? c0 + kChannelsPerTask : conv.IC;
      transform_inputs(plan, src, t, tiles, c0, c1, plan.V);
    });
    parallel_for((plan.panels.count + plan.group_panels - 1) / plan.group_panels, [&](std::int64_t task) {
      float* M = plan.M + thread_index() * plan.m_size;
      const int p0 = static_cast<int>(task) * plan.group_panels, p1 = plan.group_end(p0);
      const auto* U = given + p0 * plan.panel_size;
      if (given == nullptr) {
        auto* made = plan.U + thread_index() * plan.group_panels * plan.panel_size;
        for (int p = p0; p < p1; ++p) transform_weights(plan, taps, p, made + (p - p0) * plan.panel_size);
        U = made;
      }
      TilePrefetcher nothing;
      multiply(plan, U, plan.V, M, p0, p1, tiles, nothing, 0);
      transform_outputs(plan, M, finish, p0, p1, t, tiles, dst);
    });
  }
}

template <class A, class T>
void winograd_convolve(const TiledConv<A>& conv, const TapView& taps, const void* prepared, const T* src,
                       const Finish<T>& finish, T* dst, void* memory) {
  ScratchLayout scratch(memory);
  const ForwardPlan<A> plan(conv, prepared != nullptr, scratch);
  const auto* U = static_cast<const typename A::Product::Scalar*>(prepared);
  if (plan.by_channels) {
    convolve_by_channels(plan, taps, U, src, finish, dst);
  } else {
    if (U == nullptr) transform_all_weights(plan, taps, plan.U);
    convolve_by_tiles(plan, U == nullptr ? plan.U : U, src, finish, dst);
  }
}

// Enough with prepared weights and without.
template <class A>
std::size_t winograd_scratch(const TiledConv<A>& conv) {
  std::size_t most = 0;
  for (bool prepared : {false, true}) {
    ScratchLayout scratch(nullptr);
    const ForwardPlan<A> plan(conv, prepared, scratch);
    if (scratch.bytes() > most) most = scratch.bytes();
  }
  return most;
}

TapView forward_taps(const Conv2dShape& s, const float* weights) {
  return {weights, std::int64_t{s.IC} * 9, 9, false};
}

template <class A, class T>
void winograd_forward(const Conv2dShape& s, const Conv2dArgs& args) {
  const Finish<T> finish = {args.bias, static_cast<const T*>(args.residual), args.relu};
  winograd_convolve(TiledConv<A>::forward(s), forward_taps(s, args.weights), args.prepared,
                    static_cast<const T*>(args.src), finish, static_cast<T*>(args.dst), args.scratch);
}

template <class A>
std::size_t winograd_prepared_bytes(const Conv2dShape& s) {
  ScratchLayout scratch(nullptr);
  const ForwardPlan<A> plan(TiledConv<A>::forward(s), true, scratch);
  return static_cast<std::size_t>(plan.panels.count * plan.panel_size) * sizeof(typename A::Product::Scalar);
}

template <class A>
void winograd_prepare(const Conv2dShape& s, const float* weights, void* prepared) {
  ScratchLayout scratch(nullptr);
  const ForwardPlan<A> plan(TiledConv<A>::forward(s), true, scratch);
  transform_all_weights(plan, forward_taps(s, weights), static_cast<typename A::Product::Scalar*>(prepared));
}

template <class A, class T>
void winograd_backward_data(const Conv2dShape& s, const Conv2dArgs& args) {
  const TapView taps = {args.weights, 9, std::int64_t{s.IC} * 9, true};
  auto* diff_src = static_cast<T*>(args.diff_src);
  const Finish<T> finish = {nullptr, args.accumulate ? diff_src : nullptr, false};
  winograd_convolve(TiledConv<A>::backward_data(s), taps, nullptr, static_cast<const T*>(args.diff_dst),
                    finish, diff_src, args.scratch);
}

template <class A>
std::size_t winograd_forward_scratch(const Conv2dShape& s) {
  return winograd_scratch(TiledConv<A>::forward(s));
}
template <class A>
std::size_t winograd_backward_data_scratch(const Conv2dShape& s) {
  return winograd_scratch(TiledConv<A>::backward_data(s));
}

template <class A, class T>
bool winograd_forward_supports(const Conv2dShape& s) {
  return s.element == element_of<T> && winograd_wins<A>(s, s.OH(), s.OW());
}
template <class A, class T>
bool winograd_backward_data_supports(const Conv2dShape& s) {
  return s.element == element_of<T> && winograd_wins<A>(s, s.IH, s.IW);
}

template <class A, class T>
constexpr Conv2dKernel winograd_forward_kernel(const char* name, Isa isa) {
  return {name,
          isa,
          Conv2dPass::forward,
          winograd_forward_supports<A, T>,
          winograd_forward_scratch<A>,
          winograd_forward<A, T>,
          winograd_prepared_bytes<A>,
          winograd_prepare<A>};
}

// F(2x2) in f32, where tiles of 4x4 would be mostly waste.
bool small_winograd_supports(const Conv2dShape& s) {
  return winograd_forward_supports<F2x2<F32Product>, float>(s) && !winograd_forward_supports<F4x4, float>(s);
}
constexpr Conv2dKernel small_winograd_forward_kernel(const char* name, Isa isa) {
  Conv2dKernel kernel = winograd_forward_kernel<F2x2<F32Product>, float>(name, isa);
  kernel.supports = small_winograd_supports;
  return kernel;
}

template <class A, class T>
constexpr Conv2dKernel winograd_backward_data_kernel(const char* name, Isa isa) {
  return {name,
          isa,
          Conv2dPass::backward_data,
          winograd_backward_data_supports<A, T>,
          winograd_backward_data_scratch<A>,
          winograd_backward_data<A, T>,
          nullptr,
          nullptr,
          true};
}

}  // namespace
}  // namespace espalier::kernels
