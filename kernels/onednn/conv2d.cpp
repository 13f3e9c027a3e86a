// Lanes -> NCHW -> oneDNN's layout, the convolution, and the way back.
#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "kernels/base/scratch.h"
#include "kernels/layout/layout.h"
#include "kernels/onednn/conv2d_plan.h"
#include "kernels/onednn/onednn.h"

namespace espalier::kernels::onednn {
namespace {

// A plan, or none where oneDNN has no implementation; with the conversions around it.
struct CachedPlan {
  std::unique_ptr<Conv2dPlan> plan;
  dnnl::reorder src_reorder, weights_reorder, dst_reorder;  // towards the operand's use
};

// The thread count is part of the key: oneDNN splits the work when it creates the primitive.
using Key = std::tuple<std::array<std::int64_t, 12>, Conv2dPass, bool, int>;

dnnl::reorder reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to) {
  return dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
}

std::unique_ptr<CachedPlan> make_plan(const Conv2dShape& shape, Conv2dPass pass, bool with_bias) {
  auto cached = std::make_unique<CachedPlan>();
  try {
    auto plan = std::make_unique<Conv2dPlan>(shape, pass, with_bias);
    cached->src_reorder = pass == Conv2dPass::backward_data ? reorder(plan->src(), plan->plain_src())
                                                            : reorder(plan->plain_src(), plan->src());
    cached->weights_reorder = pass == Conv2dPass::backward_weights
                                  ? reorder(plan->weights(), plan->plain_weights())
                                  : reorder(plan->plain_weights(), plan->weights());
    cached->dst_reorder = pass == Conv2dPass::forward ? reorder(plan->dst(), plan->plain_dst())
                                                      : reorder(plan->plain_dst(), plan->dst());
    cached->plan = std::move(plan);
  } catch (const dnnl::error&) {}
  return cached;
}

const CachedPlan& cached_plan(const Conv2dShape& s, Conv2dPass pass, bool with_bias) {
  static PlanCache<Key, CachedPlan> cache;
  const Threads threads;
  const Key key = {{s.N, s.IC, s.IH, s.IW, s.OC, s.KH, s.KW, s.SH, s.SW, s.PH, s.PW, s.groups},
                   pass,
                   with_bias,
                   num_threads()};
  return cache.get(key, [&] { return make_plan(s, pass, with_bias); });
}

// The plans of a pass. Which of them a call takes only its arguments say.
template <Conv2dPass pass>
std::vector<const CachedPlan*> cached_plans(const Conv2dShape& shape) {
  if (pass == Conv2dPass::backward_data) return {&cached_plan(shape, pass, false)};
  return {&cached_plan(shape, pass, false), &cached_plan(shape, pass, true)};
}

// What the pass reads or writes of a bias: null where it has none.
template <Conv2dPass pass>
float* bias_of(const Conv2dArgs& args) {
  if (pass == Conv2dPass::forward) return const_cast<float*>(args.bias);
  return pass == Conv2dPass::backward_weights ? args.diff_bias : nullptr;
}

struct Buffers {
  float* nchw;             // src or dst as NCHW, the larger of the two: they are needed one after the other
  Conv2dBuffers operands;  // in oneDNN's layouts
};

Buffers lay_out(const Conv2dPlan& plan, float* bias, ScratchLayout& scratch) {
  const auto bytes = [](const dnnl::memory::desc& desc) {
    return static_cast<std::int64_t>(desc.get_size());
  };
  return {scratch.take<float>(
              static_cast<std::int64_t>(std::max(bytes(plan.plain_src()), bytes(plan.plain_dst())) / 4)),
          {scratch.take<char>(bytes(plan.src())), scratch.take<char>(bytes(plan.weights())), bias,
           scratch.take<char>(bytes(plan.dst())), scratch.take<char>(bytes(plan.scratchpad()))}};
}

void convert(const dnnl::reorder& reorder, const dnnl::memory::desc& from_desc, const void* from,
             const dnnl::memory::desc& to_desc, void* to) {
  reorder.execute(stream(), {{DNNL_ARG_FROM, dnnl::memory(from_desc, engine(), const_cast<void*>(from))},
                             {DNNL_ARG_TO, dnnl::memory(to_desc, engine(), to)}});
  stream().wait();
}

template <Conv2dPass pass>
bool supports(const Conv2dShape& shape) {
  if (shape.element != Element::f32) return false;
  for (const CachedPlan* cached : cached_plans<pass>(shape)) {
    if (cached->plan == nullptr) return false;
  }
  return true;
}

template <Conv2dPass pass>
std::size_t scratch_bytes(const Conv2dShape& shape) {
  std::size_t most = 0;
  for (const CachedPlan* cached : cached_plans<pass>(shape)) {
    ScratchLayout scratch(nullptr);
    lay_out(*cached->plan, nullptr, scratch);
    most = std::max(most, scratch.bytes());
  }
  return most;
}

template <Conv2dPass pass>
void run(const Conv2dShape& s, const Conv2dArgs& args) {
  float* bias = bias_of<pass>(args);
  const CachedPlan& cached = cached_plan(s, pass, bias != nullptr);
  const Conv2dPlan& plan = *cached.plan;
  ScratchLayout scratch(args.scratch);
  const Buffers buffers = lay_out(plan, bias, scratch);
  const LaneShape src_lanes = image_lanes(s.N, s.IC, static_cast<std::int64_t>(s.IH) * s.IW);
  const LaneShape dst_lanes = image_lanes(s.N, s.OC, static_cast<std::int64_t>(s.OH()) * s.OW());
  const Conv2dBuffers& operands = buffers.operands;
  const Threads threads;

  if (pass != Conv2dPass::backward_data) {
    layout().from_lanes(src_lanes, static_cast<const float*>(args.src), buffers.nchw);
    convert(cached.src_reorder, plan.plain_src(), buffers.nchw, plan.src(), operands.src);
  }
  if (pass != Conv2dPass::backward_weights) {
    convert(cached.weights_reorder, plan.plain_weights(), args.weights, plan.weights(), operands.weights);
  }
  if (pass != Conv2dPass::forward) {
    layout().from_lanes(dst_lanes, static_cast<const float*>(args.diff_dst), buffers.nchw);
    convert(cached.dst_reorder, plan.plain_dst(), buffers.nchw, plan.dst(), operands.dst);
  }

  plan.execute(operands);

  switch (pass) {
    case Conv2dPass::forward:
      convert(cached.dst_reorder, plan.dst(), operands.dst, plan.plain_dst(), buffers.nchw);
      layout().to_lanes(dst_lanes, buffers.nchw, static_cast<float*>(args.dst));
      break;
    case Conv2dPass::backward_data:
      convert(cached.src_reorder, plan.src(), operands.src, plan.plain_src(), buffers.nchw);
      layout().to_lanes(src_lanes, buffers.nchw, static_cast<float*>(args.diff_src));
      break;
    case Conv2dPass::backward_weights:
      convert(cached.weights_reorder, plan.weights(), operands.weights, plan.plain_weights(),
              args.diff_weights);
      break;
  }
}

template <Conv2dPass pass>
constexpr Conv2dKernel kernel(const char* name) {
  return {name, Isa::portable, pass, supports<pass>, scratch_bytes<pass>, run<pass>};
}

constexpr Conv2dKernel kForward = kernel<Conv2dPass::forward>("conv2d_fwd_f32_onednn");
constexpr Conv2dKernel kBackwardData = kernel<Conv2dPass::backward_data>("conv2d_bwd_data_f32_onednn");
constexpr Conv2dKernel kBackwardWeights =
    kernel<Conv2dPass::backward_weights>("conv2d_bwd_weights_f32_onednn");

}  // namespace

const Conv2dKernel* conv2d(const Conv2dShape& shape, Conv2dPass pass) {
  const Conv2dKernel& kernel = pass == Conv2dPass::forward         ? kForward
                               : pass == Conv2dPass::backward_data ? kBackwardData
                                                                   : kBackwardWeights;
  return kernel.supports(shape) ? &kernel : nullptr;
}

}  // namespace espalier::kernels::onednn
