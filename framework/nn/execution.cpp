#include "framework/nn/execution.h"

#include <algorithm>

#include "framework/core/error.h"
#include "framework/nn/modules/conv2d.h"
#include "kernels/spconv2d/break_even.h"

namespace espalier::nn {
namespace {

using kernels::Conv2dPass;

constexpr int kBlockSizes[] = {1, 4};

// Time of a sparse pass, in units of the dense one's.
double cost(const SparsePattern& pattern, const kernels::Conv2dShape& shape, Conv2dPass pass) {
  const double break_even = kernels::break_even_density(shape, pass, pattern.block_size());
  return break_even == 0.0 ? 2.0 : pattern.density() / break_even;
}

// Is the mask below the break-even of any pass and format? Blocks keep at least as many values as the mask.
bool may_pay(const Mask& mask, const kernels::Conv2dShape& shape) {
  double largest = 0.0;
  for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
    for (int size : kBlockSizes) {
      largest = std::max(largest, kernels::break_even_density(shape, pass, size));
    }
  }
  const std::int64_t weights = mask.bytes().numel();
  return static_cast<double>(mask.kept(weights)) < largest * static_cast<double>(weights);
}

std::vector<Conv2d*> convolutions(Module& model) {
  std::vector<Conv2d*> found;
  for (Module* module : model.modules()) {
    if (auto* conv = dynamic_cast<Conv2d*>(module)) found.push_back(conv);
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

void ConvExecution::look_at(const Mask& mask, const kernels::Conv2dShape& shape) {
  if (mask.version() == version_) return;
  version_ = 0;
  pattern_ = nullptr;
  // To make a pattern of many weights takes longer than to find out that it would not pay.
  if (mask.dense() || (execution_ == Execution::automatic && !may_pay(mask, shape))) return;
  version_ = mask.version();
  double best = 0.0;
  for (int size : kBlockSizes) {
    auto pattern = std::make_shared<const SparsePattern>(mask, size);
    const double of_this = cost(*pattern, shape, Conv2dPass::forward);
    if (pattern_ != nullptr && of_this >= best) continue;
    best = of_this;
    pattern_ = std::move(pattern);
  }
}

ops::SparseConv2d ConvExecution::choose(const Parameter& weight, const kernels::Conv2dShape& shape) {
  chosen_ = {};
  if (execution_ == Execution::dense || shape.groups != 1) return chosen_;
  look_at(weight.mask, shape);
  if (pattern_ == nullptr) return chosen_;
  const auto pays = [&](Conv2dPass pass) {
    return execution_ == Execution::sparse || cost(*pattern_, shape, pass) < 1.0;
  };
  chosen_.forward = pays(Conv2dPass::forward);
  chosen_.backward_data = pays(Conv2dPass::backward_data);
  chosen_.backward_weights = !weight.pruned_gradients && pays(Conv2dPass::backward_weights);
  if (chosen_.any()) chosen_.pattern = pattern_;
  return chosen_;
}

void set_execution(Module& model, Execution execution) {
  for (Conv2d* conv : convolutions(model)) conv->execution().set(execution);
}

SparsePasses sparse_passes(Module& model) {
  SparsePasses passes;
  for (Conv2d* conv : convolutions(model)) {
    const ops::SparseConv2d& chosen = conv->execution().chosen();
    ++passes.convolutions;
    passes.forward += chosen.forward ? 1 : 0;
    passes.backward_data += chosen.backward_data ? 1 : 0;
    passes.backward_weights += chosen.backward_weights ? 1 : 0;
  }
  return passes;
}

}  // namespace espalier::nn
