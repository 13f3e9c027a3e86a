#include "experiments/bench/sparse.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/bench/conv_contenders.h"
#include "experiments/bench/conv_shapes.h"
#include "experiments/bench/timing.h"
#include "framework/tune/layer_shape.h"

namespace espalier::bench {
namespace {

using kernels::Conv2dPass;
using kernels::Conv2dShape;

constexpr int kBlock = 4;

constexpr Conv2dPass kPasses[] = {Conv2dPass::forward, Conv2dPass::backward_data,
                                  Conv2dPass::backward_weights};

using Run = std::function<void()>;

// A pass of either family of sparse kernels over the operands that the dense one has.
Run sparse_pass(const tune::LayerShape& shape, Conv2dPass pass, int block, double density,
                const tune::Operands& operands) {
  const auto pattern = tune::random_pattern(tune::weights_shape(shape), block, density);
  return tune::sparse_trial(shape, pass, pattern, operands).run;
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
  const tune::Operands operands(s);
  Run onednn;
#if defined(ESPALIER_WITH_ONEDNN)
  onednn = onednn_conv(s, row.pass).run;
#endif
  race_all(
      options, native_conv(kernels::select_conv2d(s, row.pass), s, operands).run,
      [&](int block, double density) { return sparse_pass(s, row.pass, block, density, operands); }, onednn,
      row);
}

struct LinearLayer {
  kernels::LinearShape shape;
  int in_vit;

  std::string name() const { return fmt::format("IC{} OC{} T{}", shape.IC, shape.OC, shape.T); }
};

// The layers of six blocks of a transformer of 192 features over 64 tokens.
std::vector<LinearLayer> linear_layers(std::int64_t batch, kernels::Element element) {
  const auto layer = [&](int ic, int oc) {
    return LinearLayer{{.N = batch, .T = 64, .IC = ic, .OC = oc, .element = element}, 6};
  };
  return {layer(192, 576), layer(192, 192), layer(192, 384), layer(384, 192)};
}

void measure(const SparseBenchOptions& options, const LinearLayer& layer, SparseRow& row) {
  const tune::Operands operands(layer.shape);
  race_all(
      options, tune::dense_trial(layer.shape, row.pass, operands).run,
      [&](int block, double density) { return sparse_pass(layer.shape, row.pass, block, density, operands); },
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
      if (!wanted(options.only, layer.name() + " " + tune::pass_name(pass))) continue;
      any = true;
      SparseRow row = {layer.name(), times, pass, 0.0, std::nullopt, {}};
      measure(options, layer, row);
      report(row);
    }
  };
  for (const ConvLayer& layer : conv_layers(options.batch, options.element)) {
    measure_passes(layer, {layer.in_resnet18, layer.in_vgg16, 0}, layer.has_backward_data());
  }
  for (const LinearLayer& layer : linear_layers(options.batch, options.element)) {
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
