// One pass of one convolution as oneDNN would have it: its algorithm (Winograd allowed), its layouts.
#pragma once

#include <string>

#include "kernels/conv2d/conv2d.h"
#include "kernels/onednn/primitives.h"

namespace espalier::kernels::onednn {

// The operands under their forward names; in the backward passes the one that is written is its gradient, and
// so is dst.
struct Conv2dBuffers {
  void* src = nullptr;
  void* weights = nullptr;
  void* bias = nullptr;  // [OC], of a plan with one
  void* dst = nullptr;
  void* scratchpad = nullptr;
};

class Conv2dPlan {
 public:
  // Operands but for the bias are shape.element, the weights too. Without a bias the primitive neither adds one
  // nor sums its gradient; backward_data never has one. Throws dnnl::error where oneDNN has no implementation
  // for the shape.
  Conv2dPlan(const Conv2dShape& shape, Conv2dPass pass, bool with_bias);

  // The operands as the primitive wants them.
  const dnnl::memory::desc& src() const { return src_; }
  const dnnl::memory::desc& weights() const { return weights_; }
  const dnnl::memory::desc& dst() const { return dst_; }
  const dnnl::memory::desc& scratchpad() const { return scratchpad_; }
  // The operands as users have them, f32: NCHW and [OC][IC/groups][KH][KW].
  const dnnl::memory::desc& plain_src() const { return plain_src_; }
  const dnnl::memory::desc& plain_weights() const { return plain_weights_; }
  const dnnl::memory::desc& plain_dst() const { return plain_dst_; }
  // oneDNN's name of what it chose: "jit_wino_4x3:avx512_core".
  const std::string& implementation() const { return implementation_; }

  void execute(const Conv2dBuffers& buffers) const;

 private:
  template <class PrimitiveDesc>
  void adopt(const PrimitiveDesc& desc, const dnnl::memory::desc& src, const dnnl::memory::desc& weights,
             const dnnl::memory::desc& dst);

  Conv2dPass pass_;
  dnnl::primitive primitive_;
  dnnl::memory::desc plain_src_, plain_weights_, plain_dst_;
  dnnl::memory::desc src_, weights_, bias_, dst_, scratchpad_;  // bias_: zero where there is none
  std::string implementation_;
};

}  // namespace espalier::kernels::onednn
