// Which kernels can compute a convolution, and what each is expected to cost. The unit is a multiply-add of
// 16 lanes; what else a kernel does is counted in it. The figures are estimates that a few measurements at
// batch 1 bore out, and fixed: the choice, and with it the bits, do not depend on the day.
#include <algorithm>

#include "framework/infer/runtime/convolution.h"
#include "kernels/base/lanes.h"
#include "kernels/conv2d/candidates.h"
#include "kernels/spconv2d/break_even.h"

namespace espalier::infer {
namespace {

using kernels::Conv2dKernel;
using kernels::Conv2dShape;

// Of weights that stream from memory, in the time of a multiply-add.
constexpr double kBytesPerUnit = 6.0;
// Denser lists are not worth a try.
constexpr double kMostDensity = 0.6;

double with_weights(double work, double weight_bytes) {
  const double reading = weight_bytes / kBytesPerUnit;
  return std::max(work, reading) + 0.25 * std::min(work, reading);
}

// Taps that meet the plane, over all outputs of one axis.
double real_taps(int in, int out, int kernel, int stride, int padding) {
  double taps = 0.0;
  for (int o = 0; o < out; ++o) {
    const int first = o * stride - padding;
    taps += std::max(0, std::min(first + kernel, in) - std::max(first, 0));
  }
  return taps;
}

double direct_cost(const Conv2dShape& s) {
  const double pairs = static_cast<double>(s.OC) * s.IC / s.groups;
  const double taps = real_taps(s.IH, s.OH(), s.KH, s.SH, s.PH) * real_taps(s.IW, s.OW(), s.KW, s.SW, s.PW);
  const double work = 1.1 * static_cast<double>(kernels::groups(s.N)) * pairs * taps;
  return with_weights(work, pairs * s.KH * s.KW * sizeof(float));
}

// F(side x side, 3x3): (side + 2)^2 products for tiles of side x side outputs.
double winograd_cost(const Conv2dShape& s, int side) {
  const int frequencies = (side + 2) * (side + 2);
  const double pairs = static_cast<double>(s.OC) * s.IC;
  const double tiles =
      static_cast<double>(kernels::groups(s.N)) * ((s.OH() + side - 1) / side) * ((s.OW() + side - 1) / side);
  // A transform takes some two operations a frequency.
  const double work = tiles * frequencies * (1.15 * pairs + 2.5 * (s.IC + s.OC));
  return with_weights(work, frequencies * pairs * sizeof(float));
}

double kept_cost(const Conv2dShape& s, double nonzeros) {
  constexpr double kMultiplyAdd = 1.3, kList = 10.0;
  const double places = static_cast<double>(kernels::groups(s.N)) * s.OH() * s.OW();
  return with_weights(places * (kMultiplyAdd * nonzeros + kList * s.OC / 4), 8.0 * nonzeros);
}

// The part of the blocks of side x side channels at one tap that are not all zero.
double block_density(const Layer& layer, const Conv2dShape& s, int side) {
  const int taps = s.KH * s.KW;
  std::int64_t kept = 0, all = 0;
  for (int o = 0; o < s.OC; o += side) {
    for (int i = 0; i < s.IC; i += side) {
      for (int tap = 0; tap < taps; ++tap, ++all) {
        bool any = false;
        for (int oc = o; oc < std::min(o + side, s.OC); ++oc) {
          for (int ic = i; ic < std::min(i + side, s.IC); ++ic) {
            any |=
                layer.weights[static_cast<std::size_t>((std::int64_t{oc} * s.IC + ic) * taps + tap)] != 0.0f;
          }
        }
        kept += any ? 1 : 0;
      }
    }
  }
  return static_cast<double>(kept) / static_cast<double>(all);
}

double dense_cost(const Conv2dKernel& kernel, const Conv2dShape& shape) {
  const std::string_view algorithm = kernels::conv2d_algorithm(kernel.name);
  if (algorithm == "wino4x4") return winograd_cost(shape, 4);
  if (algorithm == "wino2x2") return winograd_cost(shape, 2);
  return direct_cost(shape);
}

void find_dense(const Conv2dShape& shape, std::vector<Candidate>& found) {
  for (const Conv2dKernel* kernel : kernels::conv2d_candidates(shape, kernels::Conv2dPass::forward))
    found.push_back({.kernel = kernel->name, .dense = kernel, .cost = dense_cost(*kernel, shape)});
}

void find_sparse(const Layer& layer, const Conv2dShape& s, std::vector<Candidate>& found) {
  const double density = weight_density(layer);
  if (s.groups != 1 || density > kMostDensity) return;
  if (s.PH == 0 && s.PW == 0 && kernels::groups(s.N) < kernels::kLanes) {
    const double nonzeros = density * static_cast<double>(layer.weights.size());
    found.push_back(
        {.kernel = "spconv2d_kept_1x1", .format = ConvolutionFormat::kept, .cost = kept_cost(s, nonzeros)});
  }
  // Break-even densities are known against the kernel that training takes.
  const double usual = dense_cost(kernels::select_conv2d(s, kernels::Conv2dPass::forward), s);
  for (int side : {1, 4}) {
    const double break_even = kernels::break_even_density(s, kernels::Conv2dPass::forward, side);
    if (break_even == 0.0) continue;
    const double kept = side == 1 ? density : block_density(layer, s, side);
    found.push_back({.kernel = side == 1 ? "spconv2d_1x1" : "spconv2d_4x4",
                     .format = ConvolutionFormat::blocks,
                     .block = side,
                     .cost = usual * std::max(kept, 0.01) / break_even});
  }
}

}  // namespace

std::vector<Candidate> find_candidates(const Layer& layer, const Conv2dShape& shape) {
  std::vector<Candidate> found;
  find_dense(shape, found);
  find_sparse(layer, shape, found);
  std::stable_sort(found.begin(), found.end(),
                   [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
  return found;
}

}  // namespace espalier::infer
