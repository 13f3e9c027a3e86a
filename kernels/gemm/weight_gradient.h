// Gradients of weights that are shared by all positions: convolution's and, with one tap, the linear layer's.
//
//   diff_weights[oc][ic][tap] = sum over images and positions of  diff_dst[oc][position] * src[ic][position +
//   tap]
//
// The sum runs over the lanes too, 16 steps a position, so here a vector cannot be 16 images. It becomes
// 16 output channels: blocks of diff_dst, 16 channels x 16 lanes, are transposed once and serve every input
// channel and tap. src needs no transposing: its floats are the scalars that are broadcast, read from where
// they are.
//
// Activations of bf16 meet two images at a time (Bf16Product): a position then takes 8 steps.
//
// A task owns a block of output channels and a fixed part of the images. The parts are added in order, so the
// bits do not depend on who computed what.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/transpose.h"
#include "kernels/gemm/micro.h"
#include "kernels/gemm/product.h"

namespace espalier::kernels {
namespace {

// Elements from one to the next in an activation in lanes.
struct LaneStrides {
  std::int64_t image, channel, row, column;
};

// The positions where a tap meets the source, and where it meets it.
struct GradientTap {
  int row_begin, row_end, column_begin, column_end;
  std::int64_t src_offset;  // elements from a position's place in src
};

struct WeightGradient {
  int groups = 1;  // of channels
  int IC, OC;      // a group
  int taps = 1;
  std::int64_t images;  // groups of 16
  int rows, columns;    // positions
  LaneStrides src, dst;
  const GradientTap* tap_list;  // [taps]
};

// Register blocks: rows are input channels, vectors are 16 output channels. With one vector 8 rows are faster
// than 16, whose scalars come from too many places at once.
inline constexpr int kGradientVectors = kVecIsa == Isa::avx512 ? 2 : 1;
constexpr int max_gradient_rows(int vectors) { return kVecIsa == Isa::avx512 && vectors == 1 ? 8 : kMaxRows; }

// Steps of a sum unrolled together. g++ mixes the loads of unrolled steps, and where a block leaves one
// register free that spills accumulators: on AVX2 a block of 6 x 1 runs a third faster one step at a time.
template <class Product>
inline constexpr int kUnrolledSteps = kVecIsa == Isa::avx2 ? 1 : 4;

// What a register block sums over: an image has `rows` rows of `columns` positions of 16 lanes.
template <class Product>
struct GradientBlock {
  const typename Product::Element* a;
  LaneStrides a_strides;
  const typename Product::Scalar* b;  // position's [kLaneSteps][NV * 16]
  std::int64_t b_image, b_row;
  std::int64_t images;
  int rows, columns;
  float* c;  // [MR] rows of NV * 16, added to
  std::int64_t c_step;
};

template <class Product, int MR, int NV>
void sum_positions(const GradientBlock<Product>& block) {
  using Element = typename Product::Element;
  using Scalar = typename Product::Scalar;
  constexpr int kUnrolled = kUnrolledSteps<Product>;
  Vec c[MR][NV];
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    ESPALIER_UNROLL for (int n = 0; n < NV; ++n) c[m][n] = load(block.c + m * block.c_step + n * 16);
  }
  // One pointer for three channels: x86 addresses base, base + step and base + 2 * step without arithmetic.
  constexpr int kPointers = (MR + 2) / 3;
  const std::int64_t step = block.a_strides.channel;
  for (std::int64_t image = 0; image < block.images; ++image) {
    for (int row = 0; row < block.rows; ++row) {
      const Element* first = block.a + image * block.a_strides.image + row * block.a_strides.row;
      const Element* a[kPointers];
      ESPALIER_UNROLL for (int i = 0; i < kPointers; ++i) a[i] = first + 3 * i * step;
      const Scalar* b = block.b + image * block.b_image + row * block.b_row;
      for (int column = 0; column < block.columns; ++column) {
        // Tokens lie thousands of bytes apart, where no hardware looks ahead.
        ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
          __builtin_prefetch(a[m / 3] + (m % 3) * step + block.a_strides.column);
        }
        for (int steps = 0; steps < Product::kLaneSteps; steps += kUnrolled) {
          ESPALIER_UNROLL for (int i = 0; i < kUnrolled; ++i, b += NV * 16) {
            typename Product::Vector vectors[NV];
            ESPALIER_UNROLL for (int n = 0; n < NV; ++n) vectors[n] = Product::load_vector(b + n * 16);
            ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
              const auto scalar = broadcast(Product::lane_step(a[m / 3] + (m % 3) * step, steps + i));
              ESPALIER_UNROLL for (int n = 0; n < NV; ++n) {
                c[m][n] = Product::multiply_add(scalar, vectors[n], c[m][n]);
              }
            }
          }
        }
        ESPALIER_UNROLL for (int i = 0; i < kPointers; ++i) a[i] += block.a_strides.column;
      }
    }
  }
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    ESPALIER_UNROLL for (int n = 0; n < NV; ++n) store(block.c + m * block.c_step + n * 16, c[m][n]);
  }
}

template <class Product>
using GradientKernel = void (*)(const GradientBlock<Product>&);

template <class Product, int MR, int NV>
constexpr GradientKernel<Product> gradient_kernel_or_null() {
  if constexpr (NV <= kGradientVectors && MR <= max_gradient_rows(NV)) return sum_positions<Product, MR, NV>;
  return nullptr;
}

template <class Product>
inline GradientKernel<Product> gradient_kernel(int rows, int vectors) {
#define ESPALIER_ROW(MR) \
  { gradient_kernel_or_null<Product, MR, 1>(), gradient_kernel_or_null<Product, MR, 2>() }
  static constexpr GradientKernel<Product> kernels[14][2] = {
      ESPALIER_ROW(1),  ESPALIER_ROW(2),  ESPALIER_ROW(3),  ESPALIER_ROW(4), ESPALIER_ROW(5),
      ESPALIER_ROW(6),  ESPALIER_ROW(7),  ESPALIER_ROW(8),  ESPALIER_ROW(9), ESPALIER_ROW(10),
      ESPALIER_ROW(11), ESPALIER_ROW(12), ESPALIER_ROW(13), ESPALIER_ROW(14)};
#undef ESPALIER_ROW
  return kernels[rows - 1][vectors - 1];
}

// Transposed gradients of about this many positions stay in the L2 cache while all input channels and taps
// use them.
constexpr int kGradientPositions = kVecIsa == Isa::avx2 ? 16 : 32;

// transposed[position][step][oc] = diff_dst[oc][position][step] for channels [0, count), zero up to the
// width; a step is one lane, or two of bf16.
template <class Product>
void transpose_gradient(const WeightGradient& p, int vectors, int count,
                        const typename Product::Element* diff_dst, std::int64_t images, int rows,
                        typename Product::Scalar* transposed) {
  for (int n = 0; n < vectors; ++n, diff_dst += 16 * p.dst.channel, count -= 16) {
    typename Product::Scalar* to = transposed + n * 16;
    for (std::int64_t image = 0; image < images; ++image) {
      for (int row = 0; row < rows; ++row) {
        const typename Product::Element* from = diff_dst + image * p.dst.image + row * p.dst.row;
        for (int column = 0; column < p.columns; ++column, from += p.dst.column) {
          typename Product::Vector steps[16];
          load_lanes_transposed(from, p.dst.channel, count < 0 ? 0 : count < 16 ? count : 16, steps);
          ESPALIER_UNROLL for (int i = 0; i < Product::kLaneSteps; ++i, to += vectors * 16) {
            Product::store_vector(to, steps[i]);
          }
        }
      }
    }
  }
}

// Adds the products of one block of positions to the sums.
template <class Product>
void sum_block(const WeightGradient& p, int vectors, const typename Product::Element* src,
               std::int64_t images, int row_begin, int row_end, const typename Product::Scalar* transposed,
               float* sums) {
  const int width = vectors * 16, position = Product::kLaneSteps * width;
  const Panels panels(p.IC, max_gradient_rows(vectors));
  for (int panel = 0; panel < panels.count; ++panel) {
    const int ic = panels.begin(panel);
    for (int t = 0; t < p.taps; ++t) {
      const GradientTap& tap = p.tap_list[t];
      const int first = tap.row_begin > row_begin ? tap.row_begin : row_begin;
      const int last = tap.row_end < row_end ? tap.row_end : row_end;
      if (first >= last || tap.column_begin >= tap.column_end) continue;
      GradientBlock<Product> block;
      block.a =
          src + ic * p.src.channel + first * p.src.row + tap.column_begin * p.src.column + tap.src_offset;
      block.a_strides = p.src;
      block.b_row = std::int64_t{p.columns} * position;
      block.b_image = (row_end - row_begin) * block.b_row;
      block.b = transposed + (first - row_begin) * block.b_row + std::int64_t{tap.column_begin} * position;
      block.images = images;
      block.rows = last - first;
      block.columns = tap.column_end - tap.column_begin;
      block.c = sums + (std::int64_t{ic} * p.taps + t) * width;
      block.c_step = std::int64_t{p.taps} * width;
      gradient_kernel<Product>(panels.height(panel), vectors)(block);
    }
  }
}

// sums [K][vectors * 16], a vector's lanes output channels, becomes rows diff_weights[oc * row_stride + k] of
// the first `count` output channels.
void write_gradient(const float* sums, std::int64_t K, int vectors, int count, float* diff_weights,
                    std::int64_t row_stride) {
  for (int n = 0; n * 16 < count; ++n) {
    const int channels = count - n * 16 < 16 ? count - n * 16 : 16;
    for (std::int64_t k = 0; k < K; k += 16) {
      const int columns = K - k < 16 ? static_cast<int>(K - k) : 16;
      Vec rows[16];
      ESPALIER_UNROLL for (int i = 0; i < 16; ++i) {
        rows[i] = i < columns ? load(sums + ((k + i) * vectors + n) * 16) : zero();
      }
      store_transposed(diff_weights + n * 16 * row_stride + k, row_stride, channels, columns, rows);
    }
  }
}

}  // namespace
}  // namespace espalier::kernels
