// Winograd's minimal filtering: the small linear maps, in one dimension and over tiles.
//
//   y = A^T [ (G g G^T) * (B^T d B) ] A        g 3x3 taps, d inputs, y outputs, * elementwise
//
// F(4x4, 3x3) takes 36 multiplications for 4x4 outputs instead of 144, F(2x2, 3x3) 16 for 2x2 instead of 36.
// The larger one is for f32. The smaller one only adds and halves, so that what it multiplies may be rounded
// to bf16; in f32 it serves planes of which a tile of 4x4 would be mostly waste.
//
// The maps of F(4x4) follow from multiplying polynomials by their values at the
// points 0, +-a, +-b and infinity (Lavin and Gray, arXiv:1509.09308, section 4; Barabasz et al.,
// arXiv:1803.10986, for the choice of points). a = 5/8 and b = 3/2 lose a third of the precision that the
// usual 1 and 2 lose. Each value may be scaled by a constant in G that A^T takes back: here so that A^T has
// two coefficients of 1 more.
//
//   B^T = [ a2b2   0     -(a2+b2)  0        1  0 ]    A^T = [ 1  1/a  1/a   1/b2  1/b2  0 ]
//         [ 0     -ab2   -b2       a        1  0 ]          [ 0  1    -1    1/b  -1/b   0 ]
//         [ 0      ab2   -b2      -a        1  0 ]          [ 0  a     a    1     1     0 ]
//         [ 0     -a2b   -a2       b        1  0 ]          [ 0  a2   -a2   b    -b     1 ]
//         [ 0      a2b   -a2      -b        1  0 ]
//         [ 0      a2b2   0       -(a2+b2)  0  1 ]    G   = [ 1/(a2b2)  0      0     ]
//                                                           [ p         pa     pa2   ]  p = 1/(2a(a2-b2))
//                                                           [ p        -pa     pa2   ]
//                                                           [ q         qb     qb2   ]  q = 1/(2(b2-a2))
//                                                           [ q        -qb     qb2   ]
//                                                           [ 0         0      1     ]
#pragma once

#include "kernels/gemm/product.h"

namespace espalier::kernels {
namespace {

struct F4x4 {
  using Product = F32Product;
  static constexpr int kTile = 4;          // outputs of a tile, in each direction
  static constexpr int kInput = 6;         // inputs that they depend on
  static constexpr int kFrequencies = 36;  // kInput squared
  // Measured: the size of transformed weights from which they are made where they are used, and how many
  // vectors of tiles should meet what comes of them at least.
  static constexpr int kLargeWeightsBytes = 16 << 20, kFewestVectors = 1;

  static constexpr double a = 0.625, b = 1.5, a2 = a * a, b2 = b * b;
  static constexpr double p = 1.0 / (2.0 * a * (a2 - b2)), q = 1.0 / (2.0 * (b2 - a2));

  static ESPALIER_INLINE Vec constant(double x) { return broadcast(static_cast<float>(x)); }

  // out = B^T d
  static ESPALIER_INLINE void input(const Vec (&d)[6], Vec (&out)[6]) {
    const Vec near_even = fnma(constant(b2), d[2], d[4]), near_odd = fnma(constant(b2), d[1], d[3]);
    const Vec far_even = fnma(constant(a2), d[2], d[4]), far_odd = fnma(constant(a2), d[1], d[3]);
    out[0] = fma(constant(a2 * b2), d[0], fnma(constant(a2 + b2), d[2], d[4]));
    out[1] = fma(constant(a), near_odd, near_even);
    out[2] = fnma(constant(a), near_odd, near_even);
    out[3] = fma(constant(b), far_odd, far_even);
    out[4] = fnma(constant(b), far_odd, far_even);
    out[5] = fma(constant(a2 * b2), d[1], fnma(constant(a2 + b2), d[3], d[5]));
  }

  // out = A^T m
  static ESPALIER_INLINE void output(const Vec (&m)[6], Vec (&out)[4]) {
    const Vec near_sum = m[1] + m[2], near_diff = m[1] - m[2];
    const Vec far_sum = m[3] + m[4], far_diff = m[3] - m[4];
    out[0] = fma(constant(1.0 / a), near_sum, fma(constant(1.0 / b2), far_sum, m[0]));
    out[1] = fma(constant(1.0 / b), far_diff, near_diff);
    out[2] = fma(constant(a), near_sum, far_sum);
    out[3] = fma(constant(a2), near_diff, fma(constant(b), far_diff, m[5]));
  }

  // out = A y: how the gradient of the outputs reaches the products.
  static ESPALIER_INLINE void output_gradient(const Vec (&y)[4], Vec (&out)[6]) {
    const Vec near_even = fma(constant(1.0 / a), y[0], constant(a) * y[2]);
    const Vec near_odd = fma(constant(a2), y[3], y[1]);
    const Vec far_even = fma(constant(1.0 / b2), y[0], y[2]);
    const Vec far_odd = fma(constant(b), y[3], constant(1.0 / b) * y[1]);
    out[0] = y[0];
    out[1] = near_even + near_odd;
    out[2] = near_even - near_odd;
    out[3] = far_even + far_odd;
    out[4] = far_even - far_odd;
    out[5] = y[3];
  }

  // out = G g
  static ESPALIER_INLINE void weights(const Vec (&g)[3], Vec (&out)[6]) {
    const Vec near_even = fma(constant(p * a2), g[2], constant(p) * g[0]), near_odd = constant(p * a) * g[1];
    const Vec far_even = fma(constant(q * b2), g[2], constant(q) * g[0]), far_odd = constant(q * b) * g[1];
    out[0] = constant(1.0 / (a2 * b2)) * g[0];
    out[1] = near_even + near_odd;
    out[2] = near_even - near_odd;
    out[3] = far_even + far_odd;
    out[4] = far_even - far_odd;
    out[5] = g[2];
  }

  // out = G^T u: how the gradient of the transformed weights reaches the taps.
  static ESPALIER_INLINE void weights_gradient(const Vec (&u)[6], Vec (&out)[3]) {
    const Vec near_sum = u[1] + u[2], near_diff = u[1] - u[2];
    const Vec far_sum = u[3] + u[4], far_diff = u[3] - u[4];
    out[0] = fma(constant(p), near_sum, fma(constant(q), far_sum, constant(1.0 / (a2 * b2)) * u[0]));
    out[1] = fma(constant(p * a), near_diff, constant(q * b) * far_diff);
    out[2] = fma(constant(p * a2), near_sum, fma(constant(q * b2), far_sum, u[5]));
  }
};

template <class P>
struct F2x2 {
  using Product = P;
  static constexpr int kTile = 2, kInput = 4, kFrequencies = 16;
  static constexpr int kLargeWeightsBytes = 6 << 20, kFewestVectors = 2;

  static ESPALIER_INLINE void input(const Vec (&d)[4], Vec (&out)[4]) {
    out[0] = d[0] - d[2];
    out[1] = d[1] + d[2];
    out[2] = d[2] - d[1];
    out[3] = d[1] - d[3];
  }
  static ESPALIER_INLINE void output(const Vec (&m)[4], Vec (&out)[2]) {
    out[0] = m[0] + (m[1] + m[2]);
    out[1] = (m[1] - m[2]) - m[3];
  }
  static ESPALIER_INLINE void output_gradient(const Vec (&y)[2], Vec (&out)[4]) {
    out[0] = y[0];
    out[1] = y[0] + y[1];
    out[2] = y[0] - y[1];
    out[3] = -y[1];
  }
  static ESPALIER_INLINE void weights(const Vec (&g)[3], Vec (&out)[4]) {
    const Vec half = broadcast(0.5f), ends = half * (g[0] + g[2]), middle = half * g[1];
    out[0] = g[0];
    out[1] = ends + middle;
    out[2] = ends - middle;
    out[3] = g[2];
  }
  static ESPALIER_INLINE void weights_gradient(const Vec (&u)[4], Vec (&out)[3]) {
    const Vec half = broadcast(0.5f), sum = half * (u[1] + u[2]);
    out[0] = u[0] + sum;
    out[1] = half * (u[1] - u[2]);
    out[2] = sum + u[3];
  }
};

// 3x3 taps, or the output gradients of a tile, to frequencies: Map is an algorithm's weights or
// output_gradient. in[i*T + j] row i, column j; put(f, v) receives frequency f = N*i + j.
template <int T, int N, void (&Map)(const Vec (&)[T], Vec (&)[N]), class Put>
ESPALIER_INLINE void expand_tile(const Vec (&in)[T * T], const Put& put) {
  Vec columns[N][T];
  ESPALIER_UNROLL for (int j = 0; j < T; ++j) {
    Vec column[T], out[N];
    ESPALIER_UNROLL for (int i = 0; i < T; ++i) column[i] = in[i * T + j];
    Map(column, out);
    ESPALIER_UNROLL for (int i = 0; i < N; ++i) columns[i][j] = out[i];
  }
  ESPALIER_UNROLL for (int i = 0; i < N; ++i) {
    Vec out[N];
    Map(columns[i], out);
    ESPALIER_UNROLL for (int j = 0; j < N; ++j) put(N * i + j, out[j]);
  }
}

// Frequencies to 3x3 taps or the outputs of a tile: Map is an algorithm's weights_gradient or output. get(f)
// gives frequency f; put(i, j, v) receives row i, column j.
template <int T, int N, void (&Map)(const Vec (&)[N], Vec (&)[T]), class Get, class Put>
ESPALIER_INLINE void contract_tile(const Get& get, const Put& put) {
  Vec rows[T][N];
  ESPALIER_UNROLL for (int j = 0; j < N; ++j) {
    Vec column[N], out[T];
    ESPALIER_UNROLL for (int i = 0; i < N; ++i) column[i] = get(N * i + j);
    Map(column, out);
    ESPALIER_UNROLL for (int i = 0; i < T; ++i) rows[i][j] = out[i];
  }
  ESPALIER_UNROLL for (int i = 0; i < T; ++i) {
    Vec out[T];
    Map(rows[i], out);
    ESPALIER_UNROLL for (int j = 0; j < T; ++j) put(i, j, out[j]);
  }
}

}  // namespace
}  // namespace espalier::kernels
