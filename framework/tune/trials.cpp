#include "framework/tune/trials.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "framework/core/random.h"
#include "kernels/base/lanes.h"
#include "kernels/splinear/splinear.h"

namespace espalier::tune {
namespace {

using kernels::Conv2dPass;
using kernels::Conv2dShape;
using kernels::LinearShape;

std::int64_t src_elements(const Conv2dShape& s) {
  return kernels::image_lanes(s.N, s.IC, std::int64_t{s.IH} * s.IW).floats();
}
std::int64_t dst_elements(const Conv2dShape& s) {
  return kernels::image_lanes(s.N, s.OC, std::int64_t{s.OH()} * s.OW()).floats();
}
std::int64_t src_elements(const LinearShape& s) { return kernels::token_lanes(s.N, s.T, s.IC).floats(); }
std::int64_t dst_elements(const LinearShape& s) { return kernels::token_lanes(s.N, s.T, s.OC).floats(); }

Tensor bytes(std::size_t count) {
  return Tensor::empty({static_cast<std::int64_t>(count)}, Layout::plain, DType::u8);
}

// A pass by either family of sparse kernels.
template <class Kernels, class S>
std::function<void()> sparse_run(const Kernels& kernels, const S& shape, Conv2dPass pass,
                                 const std::shared_ptr<const SparsePattern>& pattern,
                                 const Operands& operands) {
  Tensor scratch = bytes(kernels.scratch_bytes(shape, pattern->view(), pass));
  Tensor values = noise(pattern->blocks() * pattern->block_size() * pattern->block_size() + 1);
  return [=, &kernels, src = operands.src, dst = operands.dst]() mutable {
    kernels::SpConv2dArgs args;
    args.src = src.bytes();
    args.values = values.data();
    args.diff_dst = dst.bytes();
    args.scratch = scratch.data<std::uint8_t>();
    if (pass == Conv2dPass::forward) args.dst = dst.bytes();
    if (pass == Conv2dPass::backward_data) args.diff_src = src.bytes();
    if (pass == Conv2dPass::backward_weights) args.diff_values = values.data();
    kernels.run(shape, pattern->view(), pass, args);
  };
}

// The dense linear layer over activations of bf16.
std::function<void()> linear_bf16_run(const LinearShape& shape, Conv2dPass pass, const Operands& operands) {
  const kernels::LinearBf16Kernels& k = kernels::linear_bf16();
  return [&k, shape, pass, o = operands, scratch = bytes(k.scratch_bytes(shape))]() mutable {
    auto *src = o.src.data<kernels::Bf16>(), *dst = o.dst.data<kernels::Bf16>();
    float* weights = o.weights.data();
    void* memory = scratch.bytes();
    switch (pass) {
      case Conv2dPass::forward:
        return k.fwd(shape, src, weights, nullptr, dst, memory);
      case Conv2dPass::backward_data:
        return k.bwd_data(shape, dst, weights, src, memory);
      case Conv2dPass::backward_weights:
        return k.bwd_weights(shape, src, dst, weights, nullptr, memory);
    }
  };
}

}  // namespace

Tensor noise(std::int64_t elements, DType dtype) {
  Tensor tensor = Tensor::empty({elements}, Layout::plain, dtype);
  std::uint32_t state = 1;
  const auto next = [&] {
    state = state * 1664525u + 1013904223u;
    return static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  };
  if (dtype == DType::bf16) {
    std::generate_n(tensor.data<kernels::Bf16>(), elements, [&] { return kernels::round_to_bf16(next()); });
  } else {
    std::generate_n(tensor.data(), elements, next);
  }
  return tensor;
}

std::shared_ptr<const SparsePattern> random_pattern(const Shape& weights, int block_size, double density) {
  Mask mask = Mask::ones(weights);
  const std::int64_t OC = weights[0], IC = weights[1], taps = weights.numel() / (OC * IC), b = block_size;
  const std::int64_t inputs = (IC + b - 1) / b;
  Random random(1, "random pattern", static_cast<std::uint64_t>(b));
  std::vector<std::uint8_t> kept(static_cast<std::size_t>((OC + b - 1) / b * inputs * taps));
  for (std::uint8_t& k : kept) k = double{random.uniform()} < density ? 1 : 0;
  std::uint8_t* byte = mask.data();
  for (std::int64_t oc = 0; oc < OC; ++oc) {
    for (std::int64_t ic = 0; ic < IC; ++ic) {
      for (std::int64_t tap = 0; tap < taps; ++tap)
        *byte++ = kept[static_cast<std::size_t>((oc / b * inputs + ic / b) * taps + tap)];
    }
  }
  return std::make_shared<const SparsePattern>(mask, block_size);
}

Operands::Operands(const LayerShape& shape) {
  std::visit(
      [&](const auto& s) {
        src = noise(src_elements(s), dtype_of(s.element));
        dst = noise(dst_elements(s), dtype_of(s.element));
      },
      shape);
  weights = noise(weights_shape(shape).numel());
}

Shape weights_shape(const LayerShape& shape) {
  if (const auto* s = std::get_if<Conv2dShape>(&shape)) return {s->OC, s->IC / s->groups, s->KH, s->KW};
  const auto& s = std::get<LinearShape>(shape);
  return {s.OC, s.IC};
}

Trial dense_trial(const kernels::Conv2dKernel& kernel, const Conv2dShape& shape, const Operands& operands) {
  Tensor scratch = bytes(kernel.scratch_bytes(shape));
  return {kernel.name, [&kernel, shape, o = operands, scratch]() mutable {
            kernels::Conv2dArgs args;
            args.src = o.src.bytes();
            args.weights = o.weights.data();
            args.diff_dst = o.dst.bytes();
            args.scratch = scratch.data<std::uint8_t>();
            if (kernel.pass == Conv2dPass::forward) args.dst = o.dst.bytes();
            if (kernel.pass == Conv2dPass::backward_data) args.diff_src = o.src.bytes();
            if (kernel.pass == Conv2dPass::backward_weights) args.diff_weights = o.weights.data();
            kernel.run(shape, args);
          }};
}

Trial dense_trial(const LinearShape& shape, Conv2dPass pass, const Operands& operands) {
  if (shape.element == kernels::Element::bf16) return {"linear", linear_bf16_run(shape, pass, operands)};
  return {"linear", [shape, pass, o = operands]() mutable {
            float *src = o.src.data(), *weights = o.weights.data(), *dst = o.dst.data();
            switch (pass) {
              case Conv2dPass::forward:
                return kernels::linear_fwd_f32(shape, src, weights, nullptr, dst);
              case Conv2dPass::backward_data:
                return kernels::linear_bwd_data_f32(shape, dst, weights, src);
              case Conv2dPass::backward_weights:
                return kernels::linear_bwd_weights_f32(shape, src, dst, weights, nullptr);
            }
          }};
}

Trial sparse_trial(const LayerShape& shape, Conv2dPass pass,
                   const std::shared_ptr<const SparsePattern>& pattern, const Operands& operands) {
  const std::string name = fmt::format("sparse {}x{} at {:.3g}%", pattern->block_size(),
                                       pattern->block_size(), 100.0 * pattern->density());
  if (const auto* s = std::get_if<Conv2dShape>(&shape))
    return {name, sparse_run(kernels::spconv2d(), *s, pass, pattern, operands)};
  return {name, sparse_run(kernels::splinear(), std::get<LinearShape>(shape), pass, pattern, operands)};
}

double seconds_of(const Trial& trial) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  trial.run();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace espalier::tune
