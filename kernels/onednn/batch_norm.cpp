// Lanes -> NCHW, oneDNN's batch norm, and back. The ReLU and the residual sum are applied in lanes.
#include <cmath>
#include <cstring>
#include <tuple>
#include <vector>

#include "kernels/base/scratch.h"
#include "kernels/eltwise/eltwise.h"
#include "kernels/layout/layout.h"
#include "kernels/onednn/onednn.h"
#include "kernels/onednn/primitives.h"

namespace espalier::kernels::onednn {
namespace {

using dnnl::normalization_flags;
using dnnl::prop_kind;

enum class Mode { training, inference };  // inference: mean and variance are given

struct Plan {
  dnnl::memory::desc activations, channels;
  dnnl::memory::desc forward_scratchpad, backward_scratchpad;
  dnnl::batch_normalization_forward forward;
  dnnl::batch_normalization_backward backward;
};

// Both passes of a shape. Forward's training statistics go back into backward as they are.
std::unique_ptr<Plan> make_plan(const LaneShape& s, Mode mode, float epsilon) {
  using Format = dnnl::memory::format_tag;
  auto plan = std::make_unique<Plan>();
  plan->activations = {{s.N, s.C, s.HW, 1}, dnnl::memory::data_type::f32, Format::nchw};
  plan->channels = {{s.C}, dnnl::memory::data_type::f32, Format::x};
  auto flags = normalization_flags::use_scale | normalization_flags::use_shift;
  if (mode == Mode::inference) flags = flags | normalization_flags::use_global_stats;
  const dnnl::memory::desc& data = plan->activations;
#if DNNL_VERSION_MAJOR >= 3
  const auto forward = forward_desc<dnnl::batch_normalization_forward>(prop_kind::forward_training, data,
                                                                       data, epsilon, flags);
  const auto backward = backward_desc<dnnl::batch_normalization_backward>(forward, prop_kind::backward, data,
                                                                          data, data, epsilon, flags);
#else
  const auto forward =
      forward_desc<dnnl::batch_normalization_forward>(prop_kind::forward_training, data, epsilon, flags);
  const auto backward = backward_desc<dnnl::batch_normalization_backward>(forward, prop_kind::backward, data,
                                                                          data, epsilon, flags);
#endif
  plan->forward_scratchpad = forward.scratchpad_desc();
  plan->backward_scratchpad = backward.scratchpad_desc();
  plan->forward = dnnl::batch_normalization_forward(forward);
  plan->backward = dnnl::batch_normalization_backward(backward);
  return plan;
}

using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, Mode, float, int>;

const Plan& cached_plan(const LaneShape& s, Mode mode, float epsilon) {
  static PlanCache<Key, Plan> cache;
  const Key key = {s.N, s.C, s.HW, mode, epsilon, num_threads()};
  return cache.get(key, [&] { return make_plan(s, mode, epsilon); });
}

// What oneDNN reads and writes. The contract passes no scratch for it, so the memory is kept from call to
// call.
struct Buffers {
  float* src;       // [N][C][HW]
  float* dst;       // [N][C][HW]; in backward both gradients
  float* gamma;     // [C]
  float* beta;      // [C]
  float* variance;  // [C] biased
  float* diff_gamma;
  float* diff_beta;
  float* lanes;  // as the activations
  void* scratchpad;
};

Buffers lay_out(const LaneShape& s, const Plan& plan, ScratchLayout& scratch) {
  const std::int64_t plain = s.N * s.C * s.HW;
  const auto scratchpad_bytes = static_cast<std::int64_t>(
      std::max(plan.forward_scratchpad.get_size(), plan.backward_scratchpad.get_size()));
  return {scratch.take<float>(plain), scratch.take<float>(plain),      scratch.take<float>(s.C),
          scratch.take<float>(s.C),   scratch.take<float>(s.C),        scratch.take<float>(s.C),
          scratch.take<float>(s.C),   scratch.take<float>(s.floats()), scratch.take<char>(scratchpad_bytes)};
}

Buffers buffers_for(const LaneShape& s, const Plan& plan) {
  struct alignas(64) Line {
    char bytes[64];
  };
  thread_local std::vector<Line> memory;
  ScratchLayout measure(nullptr);
  lay_out(s, plan, measure);
  if (memory.size() * sizeof(Line) < measure.bytes()) memory.resize(measure.bytes() / sizeof(Line) + 1);
  ScratchLayout scratch(memory.data());
  return lay_out(s, plan, scratch);
}

void copy_channels(const float* from, float if_null, float* to, std::int64_t count) {
  for (std::int64_t c = 0; c < count; ++c) to[c] = from == nullptr ? if_null : from[c];
}

dnnl::memory memory(const dnnl::memory::desc& desc, const void* data) {
  return dnnl::memory(desc, engine(), const_cast<void*>(data));
}

void run_forward(const LaneShape& s, const BatchNormFwd<>& args, Mode mode, const Buffers& buffers) {
  const Plan& plan = cached_plan(s, mode, args.epsilon);
  layout().from_lanes(s, args.src, buffers.src);
  copy_channels(args.gamma, 1.0f, buffers.gamma, s.C);
  copy_channels(args.beta, 0.0f, buffers.beta, s.C);
  plan.forward.execute(stream(),
                       {{DNNL_ARG_SRC, memory(plan.activations, buffers.src)},
                        {DNNL_ARG_DST, memory(plan.activations, buffers.dst)},
                        {DNNL_ARG_SCALE, memory(plan.channels, buffers.gamma)},
                        {DNNL_ARG_SHIFT, memory(plan.channels, buffers.beta)},
                        {DNNL_ARG_MEAN, memory(plan.channels, args.mean)},
                        {DNNL_ARG_VARIANCE, memory(plan.channels, buffers.variance)},
                        {DNNL_ARG_SCRATCHPAD, memory(plan.forward_scratchpad, buffers.scratchpad)}});
  stream().wait();
  for (std::int64_t c = 0; c < s.C; ++c) {
    args.inv_std[c] = 1.0f / std::sqrt(buffers.variance[c] + args.epsilon);
  }
  // dst may be the residual.
  float* normalised = args.residual == nullptr ? args.dst : buffers.lanes;
  layout().to_lanes(s, buffers.dst, normalised);
  if (args.residual != nullptr) eltwise().add(normalised, args.residual, args.dst, s.floats());
  if (args.relu) eltwise().relu_fwd(args.dst, args.dst, s.floats());
}

}  // namespace

void batch_norm_fwd_training(const LaneShape& s, const BatchNormFwd<>& args) {
  const Threads threads;
  const Buffers buffers = buffers_for(s, cached_plan(s, Mode::training, args.epsilon));
  run_forward(s, args, Mode::training, buffers);
  const double count = static_cast<double>(s.N) * static_cast<double>(s.HW);
  for (std::int64_t c = 0; c < s.C; ++c) {
    args.variance[c] = static_cast<float>(buffers.variance[c] * (count > 1.0 ? count / (count - 1.0) : 1.0));
  }
}

void batch_norm_fwd_inference(const LaneShape& s, const BatchNormFwd<>& args) {
  const Threads threads;
  const Buffers buffers = buffers_for(s, cached_plan(s, Mode::inference, args.epsilon));
  copy_channels(args.variance, 1.0f, buffers.variance, s.C);
  run_forward(s, args, Mode::inference, buffers);
}

void batch_norm_bwd(const LaneShape& s, const BatchNormBwd<>& args) {
  // oneDNN takes the variance and an epsilon where the contract has their inverse root: 1 / inv_std^2 and 0.
  constexpr float kNoEpsilon = 0.0f;
  const Threads threads;
  const Plan& plan = cached_plan(s, args.batch_statistics ? Mode::training : Mode::inference, kNoEpsilon);
  const Buffers buffers = buffers_for(s, plan);
  copy_channels(args.gamma, 1.0f, buffers.gamma, s.C);
  copy_channels(args.beta, 0.0f, buffers.beta, s.C);
  for (std::int64_t c = 0; c < s.C; ++c) buffers.variance[c] = 1.0f / (args.inv_std[c] * args.inv_std[c]);
  layout().from_lanes(s, args.src, buffers.src);

  const float* diff = args.diff_dst;
  if (args.relu) {
    const float* dst = args.dst;
    if (dst == nullptr) {
      BatchNormFwd<> again = {.src = args.src, .gamma = args.gamma, .beta = args.beta};
      again.dst = buffers.lanes;
      again.epsilon = kNoEpsilon;
      std::vector<float> mean(args.mean, args.mean + s.C), inv_std(static_cast<std::size_t>(s.C));
      again.mean = mean.data();
      again.inv_std = inv_std.data();
      run_forward(s, again, Mode::inference, buffers);
      dst = buffers.lanes;
    }
    eltwise().relu_bwd(dst, args.diff_dst, buffers.lanes, s.floats());
    diff = buffers.lanes;
  }
  if (args.diff_residual != nullptr) {
    std::memcpy(args.diff_residual, diff, static_cast<std::size_t>(s.floats()) * sizeof(float));
  }
  layout().from_lanes(s, diff, buffers.dst);
  plan.backward.execute(stream(),
                        {{DNNL_ARG_SRC, memory(plan.activations, buffers.src)},
                         {DNNL_ARG_MEAN, memory(plan.channels, args.mean)},
                         {DNNL_ARG_VARIANCE, memory(plan.channels, buffers.variance)},
                         {DNNL_ARG_SCALE, memory(plan.channels, buffers.gamma)},
                         {DNNL_ARG_SHIFT, memory(plan.channels, buffers.beta)},
                         {DNNL_ARG_DIFF_DST, memory(plan.activations, buffers.dst)},
                         {DNNL_ARG_DIFF_SRC, memory(plan.activations, buffers.dst)},
                         {DNNL_ARG_DIFF_SCALE, memory(plan.channels, buffers.diff_gamma)},
                         {DNNL_ARG_DIFF_SHIFT, memory(plan.channels, buffers.diff_beta)},
                         {DNNL_ARG_SCRATCHPAD, memory(plan.backward_scratchpad, buffers.scratchpad)}});
  stream().wait();
  layout().to_lanes(s, buffers.dst, args.diff_src);
  if (args.diff_gamma != nullptr) copy_channels(buffers.diff_gamma, 0.0f, args.diff_gamma, s.C);
  if (args.diff_beta != nullptr) copy_channels(buffers.diff_beta, 0.0f, args.diff_beta, s.C);
}

}  // namespace espalier::kernels::onednn
