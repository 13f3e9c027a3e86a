#include "kernels/onednn/conv2d_plan.h"

namespace espalier::kernels::onednn {
namespace {

using Dims = dnnl::memory::dims;
using Format = dnnl::memory::format_tag;

dnnl::memory::desc f32(const Dims& dims, Format format) {
  return {dims, dnnl::memory::data_type::f32, format};
}

// Any layout, for the primitive to choose.
dnnl::memory::desc any(const Dims& dims, Element element) {
  using dnnl::memory;
  return {dims, element == Element::bf16 ? memory::data_type::bf16 : memory::data_type::f32, Format::any};
}

Dims weights_dims(const Conv2dShape& s) {
  if (s.groups == 1) return {s.OC, s.IC, s.KH, s.KW};
  return {s.groups, s.OC / s.groups, s.IC / s.groups, s.KH, s.KW};
}

}  // namespace

Conv2dPlan::Conv2dPlan(const Conv2dShape& s, Conv2dPass pass, bool with_bias)
    : pass_(pass),
      plain_src_(f32({s.N, s.IC, s.IH, s.IW}, Format::nchw)),
      plain_weights_(f32(weights_dims(s), s.groups == 1 ? Format::oihw : Format::goihw)),
      plain_dst_(f32({s.N, s.OC, s.OH(), s.OW()}, Format::nchw)) {
  using dnnl::algorithm;
  using dnnl::prop_kind;
  const auto src = any({s.N, s.IC, s.IH, s.IW}, s.element);
  const auto weights = any(weights_dims(s), s.element);
  const auto dst = any({s.N, s.OC, s.OH(), s.OW()}, s.element);
  const Dims strides = {s.SH, s.SW}, padding = {s.PH, s.PW};
  if (with_bias && pass != Conv2dPass::backward_data) bias_ = f32({s.OC}, Format::x);

  const auto forward =
      forward_desc<dnnl::convolution_forward>(prop_kind::forward_training, algorithm::convolution_auto, src,
                                              weights, bias_, dst, strides, padding, padding);
  switch (pass) {
    case Conv2dPass::forward:
      adopt(forward, forward.src_desc(), forward.weights_desc(), forward.dst_desc());
      primitive_ = dnnl::convolution_forward(forward);
      break;
    case Conv2dPass::backward_data: {
      const auto desc = backward_desc<dnnl::convolution_backward_data>(
          forward, algorithm::convolution_auto, src, weights, dst, strides, padding, padding);
      adopt(desc, desc.diff_src_desc(), desc.weights_desc(), desc.diff_dst_desc());
      primitive_ = dnnl::convolution_backward_data(desc);
      break;
    }
    case Conv2dPass::backward_weights: {
      const auto desc = backward_desc<dnnl::convolution_backward_weights>(
          forward, algorithm::convolution_auto, src, weights, bias_, dst, strides, padding, padding);
      adopt(desc, desc.src_desc(), desc.diff_weights_desc(), desc.diff_dst_desc());
      primitive_ = dnnl::convolution_backward_weights(desc);
      break;
    }
  }
}

template <class PrimitiveDesc>
void Conv2dPlan::adopt(const PrimitiveDesc& desc, const dnnl::memory::desc& src,
                       const dnnl::memory::desc& weights, const dnnl::memory::desc& dst) {
  src_ = src;
  weights_ = weights;
  dst_ = dst;
  scratchpad_ = desc.scratchpad_desc();
  implementation_ = desc.impl_info_str();
}

void Conv2dPlan::execute(const Conv2dBuffers& buffers) const {
  const bool backward_data = pass_ == Conv2dPass::backward_data;
  const bool backward_weights = pass_ == Conv2dPass::backward_weights;
  const auto memory = [](const dnnl::memory::desc& desc, void* data) {
    return dnnl::memory(desc, engine(), data);
  };
  std::unordered_map<int, dnnl::memory> arguments = {
      {backward_data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, memory(src_, buffers.src)},
      {backward_weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, memory(weights_, buffers.weights)},
      {backward_data || backward_weights ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, memory(dst_, buffers.dst)},
      {DNNL_ARG_SCRATCHPAD, memory(scratchpad_, buffers.scratchpad)},
  };
  if (!bias_.is_zero()) {
    arguments.insert({backward_weights ? DNNL_ARG_DIFF_BIAS : DNNL_ARG_BIAS, memory(bias_, buffers.bias)});
  }
  primitive_.execute(stream(), arguments);
  stream().wait();
}

}  // namespace espalier::kernels::onednn
