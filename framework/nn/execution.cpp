#include "framework/nn/execution.h"

#include <algorithm>

#include "framework/core/error.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"

namespace espalier::nn {
namespace {

using kernels::Conv2dPass;

constexpr int kBlockSizes[] = {1, 4};

// Time of a sparse pass, in units of the dense one's.
double cost(const SparsePattern& pattern, const BreakEven& break_even, Conv2dPass pass) {
  const double density = break_even(pass, pattern.block_size());
  return density == 0.0 ? 2.0 : pattern.density() / density;
}

// Is the mask below the break-even of any pass and format? Blocks keep at least as many values as the mask.
bool may_pay(const Mask& mask, const BreakEven& break_even) {
  double largest = 0.0;
  for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
    for (int size : kBlockSizes) largest = std::max(largest, break_even(pass, size));
  }
  const std::int64_t weights = mask.bytes().numel();
  return static_cast<double>(mask.kept(weights)) < largest * static_cast<double>(weights);
}

std::vector<LayerExecution*> executions(Module& model) {
  std::vector<LayerExecution*> found;
  for (Module* module : model.modules()) {
    if (auto* conv = dynamic_cast<Conv2d*>(module)) found.push_back(&conv->execution());
    if (auto* linear = dynamic_cast<Linear*>(module)) found.push_back(&linear->execution());
  }
  return found;
}

}  // namespace

const std::vector<std::string>& execution_names() {
  static const std::vector<std::string> names = {"auto", "dense", "sparse"};
  return names;
}

Execution execution_from(const std::string& name) {
  if (name == "auto") return Execution::automatic;
  if (name == "dense") return Execution::dense;
  if (name == "sparse") return Execution::sparse;
  fail(ErrorKind::usage, "execution", "expected auto, dense or sparse, got '{}'", name);
}

void LayerExecution::look_at(const Mask& mask, const BreakEven& break_even) {
  if (mask.version() == version_) return;
  version_ = 0;
  pattern_ = nullptr;
  // To make a pattern of many weights takes longer than to find out that it would not pay.
  if (mask.dense() || (execution_ == Execution::automatic && !may_pay(mask, break_even))) return;
  version_ = mask.version();
  double best = 0.0;
  for (int size : kBlockSizes) {
    auto pattern = std::make_shared<const SparsePattern>(mask, size);
    const double of_this = cost(*pattern, break_even, Conv2dPass::forward);
    if (pattern_ != nullptr && of_this >= best) continue;
    best = of_this;
    pattern_ = std::move(pattern);
  }
}

ops::SparsePasses LayerExecution::choose(const Parameter& weight, const BreakEven& break_even) {
  chosen_ = {};
  if (execution_ == Execution::dense) return chosen_;
  look_at(weight.mask, break_even);
  if (pattern_ == nullptr) return chosen_;
  const auto pays = [&](Conv2dPass pass) {
    return execution_ == Execution::sparse || cost(*pattern_, break_even, pass) < 1.0;
  };
  chosen_.forward = pays(Conv2dPass::forward);
  chosen_.backward_data = pays(Conv2dPass::backward_data);
  chosen_.backward_weights = !weight.pruned_gradients && pays(Conv2dPass::backward_weights);
  if (chosen_.any()) chosen_.pattern = pattern_;
  return chosen_;
}

void set_execution(Module& model, Execution execution) {
  for (LayerExecution* layer : executions(model)) layer->set(execution);
}

SparseLayers sparse_layers(Module& model) {
  SparseLayers sparse;
  for (const LayerExecution* layer : executions(model)) {
    const ops::SparsePasses& chosen = layer->chosen();
    ++sparse.layers;
    sparse.forward += chosen.forward ? 1 : 0;
    sparse.backward_data += chosen.backward_data ? 1 : 0;
    sparse.backward_weights += chosen.backward_weights ? 1 : 0;
  }
  return sparse;
}

}  // namespace espalier::nn
