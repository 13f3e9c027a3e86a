#include "experiments/bench/sparse.h"

#include <algorithm>
#include <memory>

#include "experiments/bench/conv_contenders.h"
#include "experiments/bench/timing.h"
#include "framework/core/random.h"
#include "framework/tensor/sparse/sparse_pattern.h"

namespace espalier::bench {
namespace {

using kernels::Conv2dPass;
using kernels::Conv2dShape;

constexpr int kBlock = 4;

// Keeps blocks of b x b channels at one tap at random.
Mask random_mask(const Conv2dShape& s, int block, double density) {
  Mask mask = Mask::ones({s.OC, s.IC, s.KH, s.KW});
  const std::int64_t taps = std::int64_t{s.KH} * s.KW, inputs = (s.IC + block - 1) / block;
  Random random(1, "bench sparse", static_cast<std::uint64_t>(block));
  std::vector<std::uint8_t> kept(static_cast<std::size_t>((s.OC + block - 1) / block * inputs * taps));
  for (std::uint8_t& k : kept) k = random.uniform() < density ? 1 : 0;
  for (std::int64_t oc = 0; oc < s.OC; ++oc) {
    for (std::int64_t ic = 0; ic < s.IC; ++ic) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        mask.data()[(oc * s.IC + ic) * taps + tap] =
            kept[static_cast<std::size_t>((oc / block * inputs + ic / block) * taps + tap)];
      }
    }
  }
  return mask;
}

std::function<void()> sparse_conv(const Conv2dShape& shape, Conv2dPass pass, int block, double density,
                                  const std::shared_ptr<Operands>& operands) {
  const auto pattern = std::make_shared<SparsePattern>(random_mask(shape, block, density), block);
  const std::size_t bytes = kernels::spconv2d().scratch_bytes(shape, pattern->view(), pass);
  Tensor scratch = Tensor::empty({static_cast<std::int64_t>(bytes)}, Layout::plain, DType::u8);
  Tensor values = noise(pattern->blocks() * block * block + 1);
  return [=]() mutable {
    kernels::SpConv2dArgs args;
    args.src = operands->src.data();
    args.values = values.data();
    args.diff_dst = operands->dst.data();
    args.scratch = scratch.data<std::uint8_t>();
    if (pass == Conv2dPass::forward) args.dst = operands->dst.data();
    if (pass == Conv2dPass::backward_data) args.diff_src = operands->src.data();
    if (pass == Conv2dPass::backward_weights) args.diff_values = values.data();
    kernels::spconv2d().run(shape, pattern->view(), pass, args);
  };
}

SparseRow measure(const SparseBenchOptions& options, const ConvLayer& layer, Conv2dPass pass) {
  const auto operands = std::make_shared<Operands>(layer.shape);
  std::vector<std::function<void()>> runs;
  runs.push_back(native_conv(kernels::select_conv2d(layer.shape, pass), layer.shape, operands).run);
  for (double density : options.densities) {
    for (int block : {1, kBlock}) runs.push_back(sparse_conv(layer.shape, pass, block, density, operands));
  }
#if defined(ESPALIER_WITH_ONEDNN)
  runs.push_back(onednn_conv(layer.shape, pass).run);
#endif
  const std::vector<double> seconds = race(runs, options.rounds, options.round_seconds);
  SparseRow row = {&layer, pass, seconds[0], std::nullopt, {}};
  for (std::size_t i = 0; i < options.densities.size(); ++i) {
    row.sparse.push_back({options.densities[i], seconds[1 + 2 * i], seconds[2 + 2 * i]});
  }
#if defined(ESPALIER_WITH_ONEDNN)
  row.onednn_seconds = seconds.back();
#endif
  return row;
}

}  // namespace

void run_sparse_bench(const SparseBenchOptions& options,
                      const std::function<void(const SparseRow&)>& report) {
  bool any = false;
  for (const ConvLayer& layer : conv_layers(options.batch)) {
    if (layer.in_resnet18 == 0) continue;
    for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
      if (pass == Conv2dPass::backward_data && !layer.has_backward_data()) continue;
      if (!wanted(options.only, layer.name() + " " + pass_name(pass))) continue;
      any = true;
      report(measure(options, layer, pass));
    }
  }
  if (!any) refuse_unknown(options.only);
}

double break_even_density(const std::vector<double>& densities, const std::vector<double>& seconds,
                          double dense_seconds) {
  if (seconds.front() <= dense_seconds) return densities.front();
  for (std::size_t i = 1; i < densities.size(); ++i) {
    if (seconds[i] > dense_seconds) continue;
    const double share = (dense_seconds - seconds[i]) / (seconds[i - 1] - seconds[i]);
    return densities[i] + share * (densities[i - 1] - densities[i]);
  }
  return 0.0;
}

}  // namespace espalier::bench
