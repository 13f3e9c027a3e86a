// The micro-kernel under every dense product: a block of output stays in registers while the sum runs.
//
//   c[n][m] = start[m] + sum over k < K and t < taps of  A[k][tap[t].a][m] * b[n][k][tap[t].b]
//
// m < MR counts scalars that are broadcast (output channels of packed weights), n < NV counts vectors of 16
// lanes (pixels, tokens, columns). Each vector loaded from b serves MR multiply-adds and each scalar NV of
// them, so for MR x NV = 14 x 2 there are 16 loads for 28 multiply-adds, well under what the load ports give.
//
// The vectors of a block need not be neighbours: each has its own pointer. That is what makes a convolution
// a matrix product without copying: the taps of the kernel are offsets from the pixel, the same for
// every pixel of a block. A plain matrix product is the case of one tap {0, 0}.
//
// What is multiplied is a Product (kernels/gemm/product.h): with bf16 a step of k takes in two channels.
#pragma once

#include "kernels/gemm/product.h"

namespace espalier::kernels {
namespace {

// The tallest block. AVX-512: 14 x 2 accumulators, 2 vectors and 1 scalar of 32 registers. AVX2 and NEON: a
// Vec is two of 16 or four of 32 registers, so 6 x 1 takes 12 of 16 or 24 of 32.
inline constexpr int kMaxRows = kVecIsa == Isa::avx512 ? 14 : kVecIsa == Isa::portable ? 2 : 6;
// To zip two channels takes a register for their order. With one row more the compiler would keep a sum in
// memory.
template <class Product>
inline constexpr int kProductRows =
    kVecIsa == Isa::avx512&& Product::kChannels == 2 ? kMaxRows - 1 : kMaxRows;

// The widest block of a height. More vectors a scalar are better as long as the block fits the registers:
// 14x2, 9x3 and 6x4 all reach the peak, 7x4 and 3x8 spill.
constexpr int max_vectors(int rows) {
  if (kVecIsa == Isa::avx512) return rows <= 2 ? 6 : rows <= 4 ? 5 : rows <= 6 ? 4 : rows <= 9 ? 3 : 2;
  return rows == 1 ? 3 : rows == 2 && kVecIsa != Isa::portable ? 2 : 1;
}
inline constexpr int kMaxVectors = max_vectors(1);

// Where few vectors meet all weights, as with a single image, the weights stream from memory: each is
// broadcast once or twice and not seen again. Fetched 16 KiB ahead they come twice as fast as with what the
// hardware foresees. BlockArgs::ahead says otherwise where what comes next does not follow in memory.
inline constexpr int kScalarsAhead = 4096;

struct Tap {
  std::int32_t a;  // which of the MR-wide rows that A has for each k
  std::int32_t b;  // floats from the vector's pointer
};
inline constexpr Tap kOneTap = {0, 0};

template <class Product = F32Product>
struct BlockArgs {
  using Scalar = typename Product::Scalar;
  using Element = typename Product::Element;

  int channels = 0;
  const Tap* taps = &kOneTap;  // [tap_count]
  int tap_count = 1;
  const Scalar* A = nullptr;           // [K][a_step / MR][MR], K = channels / kChannels, rounded up
  std::int64_t a_step = 0;             // scalars from one k to the next
  std::int64_t ahead = kScalarsAhead;  // from the scalars in use to those to fetch
  const Element* b[kMaxVectors];       // NV pointers
  std::int64_t b_step = 0;             // elements from one channel to the next
  Element* c[kMaxVectors];             // NV pointers; row m is m * c_step elements further
  std::int64_t c_step = 0;
  const float* start = nullptr;  // [MR]: the sum starts with these; null: with zero
  bool accumulate = false;       // the sum starts with what c holds
  bool past_caches = false;      // streams c: of f32, aligned to 64 bytes and not accumulated to
};

template <class Product>
using BlockKernel = void (*)(const BlockArgs<Product>&);

// One step of the sums: the scalars at `a` by the vectors at b[n] + offset.
template <class Product, int MR, int NV>
ESPALIER_INLINE void multiply_step(const typename Product::Scalar* a, std::int64_t ahead,
                                   const typename Product::Element* const (&b)[NV], std::int64_t offset,
                                   std::int64_t next, Vec (&c)[MR][NV]) {
  __builtin_prefetch(a + ahead);
  typename Product::Vector vectors[NV];
  ESPALIER_UNROLL for (int n = 0; n < NV; ++n) vectors[n] = Product::load_channels(b[n] + offset, next);
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    const auto scalar = broadcast(a[m]);
    ESPALIER_UNROLL for (int n = 0; n < NV; ++n) c[m][n] = Product::multiply_add(scalar, vectors[n], c[m][n]);
  }
}

template <class Product, int MR, int NV>
ESPALIER_INLINE void start_sums(const BlockArgs<Product>& args, Vec (&c)[MR][NV]) {
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    ESPALIER_UNROLL for (int n = 0; n < NV; ++n) {
      auto* at = args.c[n] + m * args.c_step;
      if (args.accumulate) {
        c[m][n] = load(at);
      } else {
        if (!args.past_caches) __builtin_prefetch(at, 1);
        c[m][n] = args.start == nullptr ? zero() : broadcast(args.start[m]);
      }
    }
  }
}

template <class Product, int MR, int NV>
ESPALIER_INLINE void write_sums(const BlockArgs<Product>& args, const Vec (&c)[MR][NV]) {
  if (args.past_caches) {
    ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
      ESPALIER_UNROLL for (int n = 0; n < NV; ++n) stream(args.c[n] + m * args.c_step, c[m][n]);
    }
  } else {
    ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
      ESPALIER_UNROLL for (int n = 0; n < NV; ++n) store(args.c[n] + m * args.c_step, c[m][n]);
    }
  }
}

template <class Product, int MR, int NV>
void multiply_block(const BlockArgs<Product>& args) {
  Vec c[MR][NV];
  start_sums(args, c);
  const typename Product::Element* b[NV];
  ESPALIER_UNROLL for (int n = 0; n < NV; ++n) b[n] = args.b[n];
  const typename Product::Scalar* A = args.A;
  const std::int64_t ahead = args.ahead, b_step = args.b_step;
  const auto each_channel = [&](const auto& steps) __attribute__((always_inline)) {
    for (int left = args.channels; left > 0; left -= Product::kChannels) {
      // A channel without a partner is its own: the scalar there is zero.
      steps(left < Product::kChannels ? 0 : b_step);
      A += args.a_step;
      ESPALIER_UNROLL for (int n = 0; n < NV; ++n) b[n] += Product::kChannels * b_step;
    }
  };
  if (args.tap_count == 1) {
    // Looked up at every step, a tap would take AVX2's decoders as long as the step's 12 multiply-adds.
    A += std::int64_t{args.taps->a} * MR;
    ESPALIER_UNROLL for (int n = 0; n < NV; ++n) b[n] += args.taps->b;
    each_channel([&](std::int64_t next)
                     __attribute__((always_inline)) { multiply_step<Product>(A, ahead, b, 0, next, c); });
  } else {
    const Tap* const taps_end = args.taps + args.tap_count;
    each_channel([&](std::int64_t next) __attribute__((always_inline)) {
      for (const Tap* tap = args.taps; tap != taps_end; ++tap) {
        multiply_step<Product>(A + std::int64_t{tap->a} * MR, ahead, b, tap->b, next, c);
      }
    });
  }
  write_sums(args, c);
}

template <class Product, int MR, int NV>
constexpr BlockKernel<Product> block_kernel_or_null() {
  if constexpr (MR <= kMaxRows && NV <= max_vectors(MR)) return multiply_block<Product, MR, NV>;
  return nullptr;
}

#define ESPALIER_BLOCK_ROW(MR)                                                          \
  {                                                                                     \
    block_kernel_or_null<Product, MR, 1>(), block_kernel_or_null<Product, MR, 2>(),     \
        block_kernel_or_null<Product, MR, 3>(), block_kernel_or_null<Product, MR, 4>(), \
        block_kernel_or_null<Product, MR, 5>(), block_kernel_or_null<Product, MR, 6>()  \
  }
template <class Product>
constexpr BlockKernel<Product> kBlockKernels[14][6] = {
    ESPALIER_BLOCK_ROW(1),  ESPALIER_BLOCK_ROW(2),  ESPALIER_BLOCK_ROW(3),  ESPALIER_BLOCK_ROW(4),
    ESPALIER_BLOCK_ROW(5),  ESPALIER_BLOCK_ROW(6),  ESPALIER_BLOCK_ROW(7),  ESPALIER_BLOCK_ROW(8),
    ESPALIER_BLOCK_ROW(9),  ESPALIER_BLOCK_ROW(10), ESPALIER_BLOCK_ROW(11), ESPALIER_BLOCK_ROW(12),
    ESPALIER_BLOCK_ROW(13), ESPALIER_BLOCK_ROW(14)};
#undef ESPALIER_BLOCK_ROW

// 1 <= rows <= kMaxRows, 1 <= vectors <= max_vectors(rows).
template <class Product = F32Product>
inline BlockKernel<Product> block_kernel(int rows, int vectors) {
  return kBlockKernels<Product>[rows - 1][vectors - 1];
}

// M rows are cut into panels of nearly equal height, none above max_rows: 16 rows into 8 + 8 rather than 14
// + 2. The taller panels come last. Asked for at every call of a micro-kernel, so nothing here divides.
struct Panels {
  int M;
  int count;

  explicit constexpr Panels(int rows, int max_rows = kMaxRows)
      : M(rows), count((rows + max_rows - 1) / max_rows), low_(M / count), low_count_(count - M % count) {}
  constexpr int begin(int panel) const {
    return panel * low_ + (panel > low_count_ ? panel - low_count_ : 0);
  }
  constexpr int height(int panel) const { return low_ + (panel < low_count_ ? 0 : 1); }

 private:
  int low_;        // the height of the lower panels
  int low_count_;  // how many they are
};

}  // namespace
}  // namespace espalier::kernels
