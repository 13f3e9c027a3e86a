// The definition of correct for pooling: the formulas of pool.h as plain loops in double, over logical arrays
// [N][C][H][W]. The code to read first.
#pragma once

#include <vector>

#include "kernels/pool/pool.h"

namespace espalier::kernels::reference {

using Doubles = std::vector<double>;

// body(index of the output, index of a source in its window) for the taps that lie in the plane.
template <class Body>
void for_each_tap(const PoolShape& s, const Body& body) {
  std::size_t out = 0;
  for (std::int64_t plane = 0; plane < s.N * s.C; ++plane)
    for (int oh = 0; oh < s.OH(); ++oh)
      for (int ow = 0; ow < s.OW(); ++ow, ++out)
        for (int kh = 0; kh < s.KH; ++kh)
          for (int kw = 0; kw < s.KW; ++kw) {
            const int ih = oh * s.SH - s.PH + kh, iw = ow * s.SW - s.PW + kw;
            if (ih < 0 || ih >= s.IH || iw < 0 || iw >= s.IW) continue;
            body(out, static_cast<std::size_t>((plane * s.IH + ih) * s.IW + iw));
          }
}

inline std::size_t src_size(const PoolShape& s) { return static_cast<std::size_t>(s.N * s.C * s.IH * s.IW); }
inline std::size_t dst_size(const PoolShape& s) {
  return static_cast<std::size_t>(s.N * s.C * s.OH() * s.OW());
}

// The source that each output is; the first of equals.
inline std::vector<std::size_t> max_winners(const PoolShape& s, const Doubles& src) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::vector<std::size_t> winners(dst_size(s), kNone);
  for_each_tap(s, [&](std::size_t out, std::size_t at) {
    if (winners[out] == kNone || src[at] > src[winners[out]]) winners[out] = at;
  });
  return winners;
}

inline Doubles max_fwd(const PoolShape& s, const Doubles& src) {
  Doubles dst;
  for (std::size_t winner : max_winners(s, src)) dst.push_back(src[winner]);
  return dst;
}

inline Doubles max_bwd(const PoolShape& s, const Doubles& src, const Doubles& diff_dst) {
  Doubles diff_src(src.size());
  const std::vector<std::size_t> winners = max_winners(s, src);
  for (std::size_t out = 0; out < winners.size(); ++out) diff_src[winners[out]] += diff_dst[out];
  return diff_src;
}

// What each output's sum is divided by.
inline Doubles average_divisors(const PoolShape& s) {
  if (s.count_include_pad) return Doubles(dst_size(s), static_cast<double>(s.KH * s.KW));
  Doubles taps(dst_size(s));
  for_each_tap(s, [&](std::size_t out, std::size_t) { taps[out] += 1.0; });
  return taps;
}

inline Doubles average_fwd(const PoolShape& s, const Doubles& src) {
  const Doubles divisors = average_divisors(s);
  Doubles dst(dst_size(s));
  for_each_tap(s, [&](std::size_t out, std::size_t at) { dst[out] += src[at] / divisors[out]; });
  return dst;
}

inline Doubles average_bwd(const PoolShape& s, const Doubles& diff_dst) {
  const Doubles divisors = average_divisors(s);
  Doubles diff_src(src_size(s));
  for_each_tap(s, [&](std::size_t out, std::size_t at) { diff_src[at] += diff_dst[out] / divisors[out]; });
  return diff_src;
}

}  // namespace espalier::kernels::reference
