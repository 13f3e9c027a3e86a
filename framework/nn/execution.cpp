#include "framework/nn/execution.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/tune/tuner.h"
#include "kernels/conv2d/candidates.h"

namespace espalier::nn {
namespace {

using kernels::Conv2dPass;

constexpr int kBlockSizes[] = {1, 4};
// Calls for which a weight that was wanted whole stays so.
constexpr int kCallsWhole = 64;
constexpr Conv2dPass kPasses[] = {Conv2dPass::forward, Conv2dPass::backward_data,
                                  Conv2dPass::backward_weights};

LayerExecution* execution_of(Module* module) {
  if (auto* conv = dynamic_cast<Conv2d*>(module)) return &conv->execution();
  if (auto* linear = dynamic_cast<Linear*>(module)) return &linear->execution();
  return nullptr;
}

std::vector<LayerExecution*> executions(Module& model) {
  std::vector<LayerExecution*> found;
  for (Module* module : model.modules()) {
    if (LayerExecution* execution = execution_of(module)) found.push_back(execution);
  }
  return found;
}

bool is_sparse(const ops::SparsePasses& chosen, Conv2dPass pass) {
  switch (pass) {
    case Conv2dPass::forward:
      return chosen.forward;
    case Conv2dPass::backward_data:
      return chosen.backward_data;
    case Conv2dPass::backward_weights:
      return chosen.backward_weights;
  }
  return false;
}

// "wino4x4 3.10 ms, direct 9.82 ms", the shortest first; "by the fixed rule" where none were compared.
std::string describe_times(const std::map<std::string, double>& compared_ms) {
  std::vector<std::pair<double, std::string>> times;
  for (const auto& [kernel, time] : compared_ms) times.emplace_back(time, kernels::conv2d_algorithm(kernel));
  std::sort(times.begin(), times.end());
  std::string text;
  for (const auto& [time, algorithm] : times)
    text += fmt::format("{}{} {:.3g} ms", text.empty() ? "" : ", ", algorithm, time);
  return text.empty() ? "by the fixed rule" : text;
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

void LayerExecution::set(Execution execution) {
  execution_ = execution;
  looked_at_.reset();
}

double LayerExecution::cost(Conv2dPass pass, int block_size, double density) const {
  return tune::break_even(*shape_, pass, block_size, density).cost(density);
}

double LayerExecution::cost_of_step(int block_size, double density) const {
  double sum = 0.0;
  for (const Conv2dPass pass : kPasses) {
    const double sparse = cost(pass, block_size, density);
    sum += execution_ == Execution::automatic ? std::min(1.0, sparse) : sparse;
  }
  return sum;
}

void LayerExecution::look_at(const Mask& mask) {
  if (looked_at_ == mask.version()) return;
  looked_at_ = mask.version();
  density_ = mask.dense() ? 1.0 : density_in_blocks(mask, 1);
  int best_size = 0;
  double best =
      execution_ == Execution::automatic ? std::size(kPasses) : std::numeric_limits<double>::infinity();
  for (const int size : kBlockSizes) {
    if (mask.dense()) break;
    const double of_this = cost_of_step(size, size == 1 ? density_ : density_in_blocks(mask, size));
    if (of_this >= best) continue;
    best = of_this;
    best_size = size;
  }
  // To make a pattern of many weights takes longer than to find out that it would not pay.
  pattern_ = best_size == 0 ? nullptr : pattern_of(mask, best_size);
}

std::shared_ptr<const SparsePattern> LayerExecution::pattern_of(const Mask& mask, int block_size) {
  if (patterns_version_ != mask.version()) patterns_ = {};
  patterns_version_ = mask.version();
  std::shared_ptr<const SparsePattern>& pattern = patterns_[block_size == 1 ? 0 : 1];
  if (pattern == nullptr) pattern = std::make_shared<const SparsePattern>(mask, block_size);
  return pattern;
}

ops::SparsePasses LayerExecution::choose(Parameter& weight, const tune::LayerShape& shape) {
  chosen_ = {};
  if (!shape_ || tune::shape_key(*shape_) != tune::shape_key(shape)) {
    shape_ = shape;
    looked_at_.reset();
  }
  const auto* conv = std::get_if<kernels::Conv2dShape>(&shape);
  if (execution_ == Execution::dense || (conv != nullptr && conv->groups != 1)) return chosen_;
  look_at(weight.mask);
  if (pattern_ == nullptr) return chosen_;
  const auto pays = [&](Conv2dPass pass) {
    return execution_ == Execution::sparse || cost(pass, pattern_->block_size(), pattern_->density()) < 1.0;
  };
  chosen_.forward = pays(Conv2dPass::forward);
  chosen_.backward_data = pays(Conv2dPass::backward_data);
  chosen_.backward_weights = !weight.pruned_gradients && pays(Conv2dPass::backward_weights);
  if (chosen_.any()) chosen_.pattern = pattern_;
  if (chosen_.backward_weights && weight.takes_kept_gradients && weight.value.requires_grad() &&
      grad_enabled()) {
    chosen_.values = lay_out_kept(weight);
  } else if (!grad_enabled() && weight.value.away() && weight.kept.pattern == pattern_) {
    chosen_.values = weight.kept.values;
  }
  return chosen_;
}

Tensor LayerExecution::lay_out_kept(Parameter& weight) {
  KeptValues& kept = weight.kept;
  const bool another = kept.pattern != pattern_;
  if (another) {
    // Of the same mask in other blocks: an earlier call holds that leaf, and its gradient may be to come.
    if (kept.mask_version == patterns_version_) return {};
    weight.make_gradient_whole();
    const std::int64_t size = pattern_->block_size();
    kept = {pattern_, patterns_version_, Tensor::empty({pattern_->blocks(), size, size})};
    kept.values.set_requires_grad();
    put_away_ = false;
    calls_whole_ = 0;
  }
  if (another || !weight.value.away()) {
    pattern_->gather(weight.value, kept.values);
    leave_to_kept(weight);
  }
  return kept.values;
}

void LayerExecution::leave_to_kept(Parameter& weight) {
  if (!chosen_.forward || !chosen_.backward_data) return;
  // Somebody wanted it whole: an average of the weights does in every step, a checkpoint once in a while.
  if (std::exchange(put_away_, false)) calls_whole_ = kCallsWhole;
  if (calls_whole_ > 0) {
    --calls_whole_;
    return;
  }
  weight.kept.put_away(weight.value);
  put_away_ = true;
}

std::string LayerExecution::why_sparse_or_not(Conv2dPass pass) const {
  const int size = pattern_ == nullptr ? 1 : pattern_->block_size();
  const double density = pattern_ == nullptr ? density_ : pattern_->density();
  const tune::BreakEven even = tune::break_even(*shape_, pass, size, density);
  return fmt::format("{:.1f}% kept, {}x{} pays below {:.1f}% ({})", 100.0 * density, size, size,
                     100.0 * std::min(1.0, even.density), even.against.empty() ? "table" : "measured");
}

PassReport LayerExecution::report(Conv2dPass pass) const {
  const auto* conv = std::get_if<kernels::Conv2dShape>(&*shape_);
  PassReport report = {"linear", "no other"};
  if (conv != nullptr) {
    report = {tune::conv2d_kernel(*conv, pass).name, describe_times(tune::compared_ms(*conv, pass))};
  }
  const bool sparse = is_sparse(chosen_, pass);
  if (sparse) report = {fmt::format("sparse {0}x{0}", pattern_->block_size()), "as told"};
  if (execution_ == Execution::automatic && density_ < 1.0)
    report.why = why_sparse_or_not(pass) + (sparse ? "" : "; " + report.why);
  return report;
}

std::optional<std::array<PassReport, 3>> LayerExecution::report() const {
  if (!shape_) return std::nullopt;
  return std::array<PassReport, 3>{report(kPasses[0]), report(kPasses[1]), report(kPasses[2])};
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

std::vector<LayerReport> execution_report(Module& model) {
  std::vector<LayerReport> reports;
  for (Module* module : model.modules()) {
    const LayerExecution* execution = execution_of(module);
    if (execution == nullptr) continue;
    if (auto passes = execution->report()) reports.push_back({module->path(), std::move(*passes)});
  }
  return reports;
}

}  // namespace espalier::nn
