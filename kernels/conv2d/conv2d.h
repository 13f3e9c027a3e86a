// 2-D convolution (cross-correlation, as PyTorch's) of activations in lanes.
//
//   dst[n, oc, oh, ow] = bias[oc] + sum over ic, kh, kw of
//       weights[oc, ic, kh, kw] * src[n, group(oc) * IC/groups + ic, oh*SH - PH + kh, ow*SW - PW + kw]
//
// with src zero outside its plane. OH = (IH + 2 PH - KH) / SH + 1, OW likewise.
//
//   src, diff_src          [N/16][IC][IH*IW | 1][16]   activations of shape.element (kernels/base/lanes.h),
//   dst, diff_dst          [N/16][OC][OH*OW | 1][16]   aligned to 64 bytes
//   weights, diff_weights  [OC][IC/groups][KH][KW]     f32, plain; may be rounded to the element to multiply
//   bias, diff_bias        [OC]                        f32; null: none
//
// A kernel packs the weights into its scratch at each call: in training each pass sees new weights at every
// call. Inference prepares them once (Conv2dKernel::prepare), and lets the forward kernel finish its output:
//
//   dst = [relu] (dst as above [+ residual])
//
// Where an activation has several uses, backward data adds up: a kernel that `adds` can spare a pass over it,
//
//   diff_src = diff_src + (diff_src as above)                        with args.accumulate
//
// Padding lanes (N no multiple of 16) need no care: values are finite and gradients zero there. The
// padding vector of a plane is never read, and is written as zero, so that every float of an output is
// defined.
//
// Parallel over images, output channels and rows; the split depends on the shape alone, so results are
// bitwise equal for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/base/element.h"
#include "kernels/base/isa.h"

namespace espalier::kernels {

struct Conv2dShape {
  std::int64_t N = 0;
  int IC = 0, IH = 0, IW = 0;
  int OC = 0, KH = 0, KW = 0;
  int SH = 1, SW = 1;  // stride
  int PH = 0, PW = 0;  // zero padding on either side
  int groups = 1;
  Element element = Element::f32;  // of activations in memory; sums are f32 whatever it is

  int OH() const { return (IH + 2 * PH - KH) / SH + 1; }
  int OW() const { return (IW + 2 * PW - KW) / SW + 1; }
  // Multiply-adds of one pass over the batch, taps in the padding included.
  double macs() const { return static_cast<double>(N) * OC * OH() * OW() * (IC / groups) * KH * KW; }
};

enum class Conv2dPass { forward, backward_data, backward_weights };

struct Conv2dArgs {
  const void* src = nullptr;       // forward, backward_weights
  const float* weights = nullptr;  // forward, backward_data
  const void* prepared = nullptr;  // forward: what prepare() made of weights, which are then not read
  const float* bias = nullptr;     // forward; may be null
  const void* residual = nullptr;  // forward, where there is prepare(): lies as dst; may be null
  bool relu = false;               // forward, where there is prepare()
  void* dst = nullptr;             // forward
  const void* diff_dst = nullptr;  // backward_data, backward_weights
  void* diff_src = nullptr;        // backward_data: overwritten, or added to
  bool accumulate = false;         // backward_data, where the kernel adds
  float* diff_weights = nullptr;   // backward_weights: overwritten
  float* diff_bias = nullptr;      // backward_weights: overwritten; may be null
  void* scratch = nullptr;         // scratch_bytes(shape), aligned to 64 bytes
};

// One row of kernels.inc.
struct Conv2dKernel {
  const char* name;  // conv2d_<pass>_<element>_<algorithm>_<isa>
  Isa isa;
  Conv2dPass pass;
  bool (*supports)(const Conv2dShape&);
  std::size_t (*scratch_bytes)(const Conv2dShape&);  // may depend on num_threads()
  void (*run)(const Conv2dShape&, const Conv2dArgs&);
  // Forward, native: the size of prepared weights, aligned to 64 bytes, and what fills them. Null: the kernel
  // takes none, and no residual or ReLU.
  std::size_t (*prepared_bytes)(const Conv2dShape&) = nullptr;
  void (*prepare)(const Conv2dShape&, const float* weights, void* prepared) = nullptr;
  bool adds = false;  // backward data: does it know args.accumulate?
};

// All rows of kernels.inc, best first, whether or not this CPU can run them.
const std::vector<const Conv2dKernel*>& conv2d_kernels();

// The native kernel that this process uses for a shape and pass: the first eligible row that supports it.
const Conv2dKernel& select_conv2d(const Conv2dShape& shape, Conv2dPass pass);

}  // namespace espalier::kernels
