#include "experiments/bench/sparse.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "experiments/bench/conv_contenders.h"
#include "experiments/bench/conv_shapes.h"
#include "experiments/bench/timing.h"
#include "framework/core/random.h"
#include "framework/tensor/sparse/sparse_pattern.h"
#include "kernels/base/lanes.h"
#include "kernels/splinear/splinear.h"

namespace espalier::bench {
namespace {

using kernels::Conv2dPass;
using kernels::Conv2dShape;

constexpr int kBlock = 4;

constexpr Conv2dPass kPasses[] = {Conv2dPass::forward, Conv2dPass::backward_data,
                                  Conv2dPass::backward_weights};

using Run = std::function<void()>;

// Keeps blocks of b x b channels at one tap at random; weights [OC, IC, taps].
std::shared_ptr<const SparsePattern> random_pattern(const Shape& weights, int block, double density) {
  Mask mask = Mask::ones(weights);
  const std::int64_t OC = weights[0], IC = weights[1], taps = weights.numel() / (OC * IC);
  const std::int64_t inputs = (IC + block - 1) / block;
  Random random(1, "bench sparse", static_cast<std::uint64_t>(block));
  std::vector<std::uint8_t> kept(static_cast<std::size_t>((OC + block - 1) / block * inputs * taps));
  for (std::uint8_t& k : kept) k = random.uniform() < density ? 1 : 0;
  for (std::int64_t oc = 0; oc < OC; ++oc) {
    for (std::int64_t ic = 0; ic < IC; ++ic) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        mask.data()[(oc * IC + ic) * taps + tap] =
            kept[static_cast<std::size_t>((oc / block * inputs + ic / block) * taps + tap)];
      }
    }
  }
  return std::make_shared<const SparsePattern>(mask, block);
}

// A pass of either family of sparse kernels over the operands that the dense one has.
template <class Kernels, class LayerShape>
Run sparse_pass(const Kernels& kernels, const LayerShape& shape, Conv2dPass pass,
                const std::shared_ptr<const SparsePattern>& pattern, Tensor src, Tensor dst) {
  const std::size_t bytes = kernels.scratch_bytes(shape, pattern->view(), pass);
  Tensor scratch = Tensor::empty({static_cast<std::int64_t>(bytes)}, Layout::plain, DType::u8);
  Tensor values = noise(pattern->blocks() * pattern->block_size() * pattern->block_size() + 1);
  return [=, &kernels]() mutable {
    kernels::SpConv2dArgs args;
    args.src = src.data();
    args.values = values.data();
    args.diff_dst = dst.data();
    args.scratch = scratch.data<std::uint8_t>();
    if (pass == Conv2dPass::forward) args.dst = dst.data();
    if (pass == Conv2dPass::backward_data) args.diff_src = src.data();
    if (pass == Conv2dPass::backward_weights) args.diff_values = values.data();
    kernels.run(shape, pattern->view(), pass, args);
  };
}

// Fills in the times of the row: of the dense run, of sparse(block size, density), and of oneDNN's if any.
void race_all(const SparseBenchOptions& options, const Run& dense,
              const std::function<Run(int, double)>& sparse, const Run& onednn, SparseRow& row) {
  std::vector<Run> runs = {dense};
  for (double density : options.densities) {
    for (int block : {1, kBlock}) runs.push_back(sparse(block, density));
  }
  if (onednn) runs.push_back(onednn);
  const std::vector<double> seconds = race(runs, options.rounds, options.round_seconds);
  row.dense_seconds = seconds[0];
  for (std::size_t i = 0; i < options.densities.size(); ++i) {
    row.sparse.push_back({options.densities[i], seconds[1 + 2 * i], seconds[2 + 2 * i]});
  }
  if (onednn) row.onednn_seconds = seconds.back();
}

void measure(const SparseBenchOptions& options, const ConvLayer& layer, SparseRow& row) {
  const Conv2dShape& s = layer.shape;
  const auto operands = std::make_shared<Operands>(s);
  Run onednn;
#if defined(ESPALIER_WITH_ONEDNN)
  onednn = onednn_conv(s, row.pass).run;
#endif
  race_all(
      options, native_conv(kernels::select_conv2d(s, row.pass), s, operands).run,
      [&](int block, double density) {
        return sparse_pass(kernels::spconv2d(), s, row.pass,
                           random_pattern({s.OC, s.IC, s.KH, s.KW}, block, density), operands->src,
                           operands->dst);
      },
      onednn, row);
}

struct LinearLayer {
  kernels::LinearShape shape;
  int in_vit;

  std::string name() const { return fmt::format("IC{} OC{} T{}", shape.IC, shape.OC, shape.T); }
};

// The layers of six blocks of a transformer of 192 features over 64 tokens.
std::vector<LinearLayer> linear_layers(std::int64_t batch) {
  const auto layer = [&](int ic, int oc) {
    return LinearLayer{{.N = batch, .T = 64, .IC = ic, .OC = oc}, 6};
  };
  return {layer(192, 576), layer(192, 192), layer(192, 384), layer(384, 192)};
}

void measure(const SparseBenchOptions& options, const LinearLayer& layer, SparseRow& row) {
  const kernels::LinearShape& s = layer.shape;
  Tensor src = noise(kernels::token_lanes(s.N, s.T, s.IC).floats());
  Tensor dst = noise(kernels::token_lanes(s.N, s.T, s.OC).floats());
  Tensor weights = noise(std::int64_t{s.OC} * s.IC);
  const Run dense = [=, pass = row.pass]() mutable {
    if (pass == Conv2dPass::forward) {
      kernels::linear_fwd_f32(s, src.data(), weights.data(), nullptr, dst.data());
    } else if (pass == Conv2dPass::backward_data) {
      kernels::linear_bwd_data_f32(s, dst.data(), weights.data(), src.data());
    } else {
      kernels::linear_bwd_weights_f32(s, src.data(), dst.data(), weights.data(), nullptr);
    }
  };
  race_all(
      options, dense,
      [&](int block, double density) {
        return sparse_pass(kernels::splinear(), s, row.pass, random_pattern({s.OC, s.IC}, block, density),
                           src, dst);
      },
      nullptr, row);
}

}  // namespace

void run_sparse_bench(const SparseBenchOptions& options,
                      const std::function<void(const SparseRow&)>& report) {
  bool any = false;
  const auto measure_passes = [&](const auto& layer, std::array<int, kSparseNetworks.size()> times,
                                  bool has_backward_data) {
    for (Conv2dPass pass : kPasses) {
      if (pass == Conv2dPass::backward_data && !has_backward_data) continue;
      if (!wanted(options.only, layer.name() + " " + pass_name(pass))) continue;
      any = true;
      SparseRow row = {layer.name(), times, pass, 0.0, std::nullopt, {}};
      measure(options, layer, row);
      report(row);
    }
  };
  for (const ConvLayer& layer : conv_layers(options.batch)) {
    measure_passes(layer, {layer.in_resnet18, layer.in_vgg16, 0}, layer.has_backward_data());
  }
  for (const LinearLayer& layer : linear_layers(options.batch)) {
    measure_passes(layer, {0, 0, layer.in_vit}, true);
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
