#include "pruning/dependencies/shrink.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/nn/evaluation_mode.h"
#include "framework/nn/resize.h"
#include "framework/tensor/lanes.h"
#include "pruning/dependencies/branches.h"
#include "pruning/dependencies/constants.h"
#include "pruning/dependencies/dependencies.h"
#include "pruning/dependencies/slices.h"

namespace espalier::pruning {
namespace {

// Sums are made in another order, by other kernels: this many times the largest output.
constexpr double kRounding = 1e-4;
constexpr std::int64_t kProofImages = 8;

// Plain [N, classes], row-major.
std::vector<float> outputs_of(nn::Module& model, const Shape& image) {
  const NoGrad off;
  Tensor images = Tensor::empty({kProofImages, image[0], image[1], image[2]});
  Random random(1, "proof");
  for (std::int64_t i = 0; i < images.numel(); ++i) images.data()[i] = random.normal();
  const nn::EvaluationMode mode(model);
  return model(to_lanes(images)).to_vector();
}

// A layer that reads a channel.
struct Reading {
  const Mixer* mixer;
  std::int64_t input;  // the channel of its input
};

// A constant that goes to where a layer's output channels take constants from then on.
struct Fold {
  const Mixer* mixer;
  std::int64_t input;
  float constant;
};

class Surgery {
 public:
  explicit Surgery(const Dependencies& dependencies)
      : dependencies_(dependencies), couplings_(dependencies.couplings()), constants_(couplings_) {
    for (const Mixer& mixer : couplings_.mixers()) {
      if (mixer.one_to_one || couplings_.value(mixer.weight).parameter == nullptr) continue;
      const Axis channels = couplings_.channels(mixer.input);
      for (std::int64_t i = 0; i < couplings_.size(channels); ++i)
        readings_[couplings_.class_of(channels, i)].push_back({&mixer, i});
    }
    for (const ChannelGroup& group : dependencies_.groups()) choose(group);
    keep_one_everywhere();
  }

  // Adds the constants of removed channels to what reads them; returns of how many channels.
  std::int64_t fold();
  std::map<std::string, Shrunk::Selection> selections() const;
  std::vector<Shrunk::Refusal> refusals() const;

 private:
  void choose(const ChannelGroup& group);
  std::optional<std::string> obstacle(std::size_t class_index, std::vector<Fold>& folds) const;
  std::optional<std::string> obstacle(const Reading& reading, std::vector<Fold>& folds) const;
  const graph::Operation* only_reader(int value) const;
  nn::Parameter* bias_of(const Mixer& mixer) const;
  nn::Buffer* running_mean_after(const Mixer& mixer) const;
  void keep_one_everywhere();
  void refuse(const std::string& layer, Structure structure, const std::string& reason);

  const Dependencies& dependencies_;
  const Couplings& couplings_;
  Constants constants_;
  std::map<std::size_t, std::vector<Reading>> readings_;  // by class
  std::map<std::size_t, std::vector<Fold>> removed_;      // classes, with the constants that they leave
  std::map<std::pair<std::string, std::string>, Shrunk::Refusal> refused_;  // by layer and reason
};

// Why a channel cannot be removed, and nothing when it can: then `folds` are the constants it leaves.
std::optional<std::string> Surgery::obstacle(std::size_t class_index, std::vector<Fold>& folds) const {
  const auto readings = readings_.find(class_index);
  if (readings == readings_.end()) return "nothing is known to read it";
  for (const Reading& reading : readings->second) {
    if (std::optional<std::string> reason = obstacle(reading, folds)) return reason;
  }
  return std::nullopt;
}

std::optional<std::string> Surgery::obstacle(const Reading& reading, std::vector<Fold>& folds) const {
  const Mixer& mixer = *reading.mixer;
  const MixerWeights weights(couplings_, mixer);
  const std::int64_t first = weights.first_output(reading.input);
  const nn::Parameter* bias = bias_of(mixer);
  bool connected = false, bias_is_masked = false;
  for (std::int64_t o = first; o < first + weights.outputs_of_group(); ++o) {
    if (!weights.connects(reading.input, o)) continue;
    connected = true;
    bias_is_masked |= bias != nullptr && !bias->mask.dense() && bias->mask.data()[o] == 0;
  }
  if (!connected) return std::nullopt;
  const graph::Operation& operation =
      dependencies_.graph().operations[static_cast<std::size_t>(mixer.operation)];
  const std::optional<float> constant = constants_.of(mixer.input, reading.input);
  if (!constant) return fmt::format("{} reads it, and it is not constant", operation.where());
  if (*constant == 0.0f) return std::nullopt;
  const std::string still = fmt::format("it still emits {:.3g}", *constant);
  if (mixer.padded) return fmt::format("{}, which the padding of {} does not", still, operation.where());
  if (bias_is_masked) return fmt::format("{}, and the bias of {} is masked", still, operation.where());
  if (bias == nullptr && running_mean_after(mixer) == nullptr)
    return fmt::format("{}, and {} has no bias of its own to take it", still, operation.where());
  folds.push_back({&mixer, reading.input, *constant});
  return std::nullopt;
}

// The one operation that reads a value; null when there are more, or when it is the model's output.
const graph::Operation* Surgery::only_reader(int value) const {
  const graph::Graph& graph = dependencies_.graph();
  const graph::Operation* reader = nullptr;
  for (const graph::Operation& operation : graph.operations) {
    const auto uses = std::count(operation.inputs.begin(), operation.inputs.end(), value);
    if (uses > 1 || (uses == 1 && reader != nullptr)) return nullptr;
    if (uses == 1) reader = &operation;
  }
  return value == graph.output ? nullptr : reader;
}

// Null when there is none, or when another layer uses it too.
nn::Parameter* Surgery::bias_of(const Mixer& mixer) const {
  if (mixer.bias < 0 || only_reader(mixer.bias) == nullptr) return nullptr;
  return couplings_.value(mixer.bias).parameter;
}

// The running mean of the norm that alone reads the layer's output; null when it is not so.
nn::Buffer* Surgery::running_mean_after(const Mixer& mixer) const {
  const graph::Operation* norm = only_reader(mixer.output);
  if (norm == nullptr || norm->op != "batch_norm" || norm->inputs[0] != mixer.output) return nullptr;
  return only_reader(norm->inputs[4]) != nullptr ? couplings_.value(norm->inputs[4]).buffer : nullptr;
}

void Surgery::choose(const ChannelGroup& group) {
  for (std::size_t c = 0; c < group.classes.size(); ++c) {
    std::vector<Fold> folds;
    const std::optional<std::string> reason =
        group.reason.empty() ? obstacle(group.classes[c], folds) : std::optional(group.reason);
    if (!reason) {
      removed_[group.classes[c]] = std::move(folds);
    } else if (group.is_masked(c)) {
      refuse(group.name, group.structure, *reason);
    }
  }
}

void Surgery::refuse(const std::string& layer, Structure structure, const std::string& reason) {
  Shrunk::Refusal& refusal = refused_[{layer, reason}];
  refusal = {layer, refusal.count + 1, structure, reason};
}

// A layer that has lost everything keeps its first channel, masked as it is.
void Surgery::keep_one_everywhere() {
  for (const Axis& axis : couplings_.axes()) {
    const nn::Parameter* parameter = couplings_.value(axis.value).parameter;
    if (parameter == nullptr) continue;
    bool any_left = false;
    for (std::int64_t i = 0; i < couplings_.size(axis); ++i)
      any_left |= removed_.count(couplings_.class_of(axis, i)) == 0;
    if (any_left) continue;
    removed_.erase(couplings_.class_of(axis, 0));
    refuse(parameter->name, Structure::channel, "a layer keeps one channel");
  }
}

std::int64_t Surgery::fold() {
  std::int64_t channels = 0;
  for (const auto& [class_index, folds] : removed_) {
    if (!folds.empty()) ++channels;
    for (const Fold& fold : folds) {
      const MixerWeights weights(couplings_, *fold.mixer);
      const std::int64_t first = weights.first_output(fold.input);
      nn::Parameter* bias = bias_of(*fold.mixer);
      float* target = bias != nullptr ? bias->value.data() : running_mean_after(*fold.mixer)->value.data();
      for (std::int64_t o = first; o < first + weights.outputs_of_group(); ++o) {
        if (!weights.connects(fold.input, o)) continue;
        const double change = double{fold.constant} * weights.sum(fold.input, o);
        target[o] = static_cast<float>(double{target[o]} + (bias != nullptr ? change : -change));
      }
    }
  }
  return channels;
}

std::map<std::string, Shrunk::Selection> Surgery::selections() const {
  std::map<std::string, Shrunk::Selection> selections;
  for (const Axis& axis : couplings_.axes()) {
    const graph::Value& value = couplings_.value(axis.value);
    if (value.parameter == nullptr && value.buffer == nullptr) continue;
    std::vector<std::int64_t> kept;
    for (std::int64_t i = 0; i < couplings_.size(axis); ++i) {
      if (removed_.count(couplings_.class_of(axis, i)) == 0) kept.push_back(i);
    }
    if (static_cast<std::int64_t>(kept.size()) == couplings_.size(axis)) continue;
    const std::string& name = value.parameter != nullptr ? value.parameter->name : value.buffer->name;
    Shrunk::Selection& selection = selections[name];
    selection.before = value.shape;
    selection.kept.emplace_back(axis.dimension, std::move(kept));
  }
  return selections;
}

std::vector<Shrunk::Refusal> Surgery::refusals() const {
  std::vector<Shrunk::Refusal> refusals;
  for (const auto& [where, refusal] : refused_) refusals.push_back(refusal);
  return refusals;
}

Tensor selected(const Tensor& tensor, const Shrunk::Selection& selection) {
  Tensor result = tensor;
  for (const auto& [dimension, positions] : selection.kept)
    result = select_slices(result, dimension, positions);
  return result;
}

void shrink_parameter(nn::Parameter& parameter, const Shrunk::Selection& selection) {
  const NoGrad off;
  const Tensor mask = parameter.mask.dense() ? Tensor() : selected(parameter.mask.bytes(), selection);
  nn::replace_(parameter, selected(parameter.value.detach(), selection));
  if (mask.defined()) parameter.mask = Mask::from(mask);
}

// A mask that prunes nothing is none.
void drop_full_mask(nn::Parameter& parameter) {
  if (parameter.nonzeros() == parameter.value.numel()) parameter.mask = {};
}

// Where a module cannot do without its branch, the branch becomes as narrow as it can.
void drop_silent_branches(nn::Module& model, const Shape& image, Shrunk& shrunk) {
  for (const auto& [name, tensor] : model.state_dict()) shrunk.gone.insert(name);
  for (const ResidualBranch& branch : find_branches(graph::trace(model, image))) {
    if (!branch.silent()) continue;
    if (nn::drop_branch_(model, branch.name)) {
      shrunk.branches.push_back(branch.name);
    } else {
      shrunk.refusals.push_back(
          {branch.name, 1, Structure::branch, "the module that adds it cannot do without it"});
    }
  }
  for (const auto& [name, tensor] : model.state_dict()) shrunk.gone.erase(name);
}

void compare(const std::vector<float>& before, const std::vector<float>& after, Shrunk& shrunk) {
  check(before.size() == after.size(), "shrink", "the removed network has {} outputs, the masked one {}",
        after.size(), before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double difference = std::abs(double{before[i]} - double{after[i]});
    check(std::isfinite(difference), "shrink", "the networks' outputs {} and {} cannot be compared",
          before[i], after[i]);
    shrunk.max_difference = std::max(shrunk.max_difference, difference);
    shrunk.max_output = std::max(shrunk.max_output, std::abs(double{before[i]}));
  }
  check(shrunk.max_difference <= kRounding * shrunk.max_output, "shrink",
        "the removed network differs from the masked one by {:.3g}, outputs reach {:.3g}; go on with the "
        "masked one, and report this",
        shrunk.max_difference, shrunk.max_output);
}

}  // namespace

NamedTensors Shrunk::select(const NamedTensors& tensors) const {
  NamedTensors result;
  for (const auto& [name, tensor] : tensors) {
    if (gone.contains(name) || gone.contains(name.substr(0, name.rfind('.')))) continue;
    auto selection = selections.find(name);
    if (selection == selections.end()) selection = selections.find(name.substr(0, name.rfind('.')));
    const bool applies = selection != selections.end() && tensor.shape() == selection->second.before;
    result.emplace_back(name, applies ? selected(tensor, selection->second) : tensor);
  }
  return result;
}

Shrunk shrink(nn::Module& model, const Shape& image) {
  for (const nn::Parameter* parameter : model.parameters()) {
    check(parameter->mask.holds(parameter->value), "shrink",
          "{} has weights where its mask has none; call Optimizer::enforce_masks first", parameter->name);
  }
  const std::vector<float> before = outputs_of(model, image);
  Shrunk shrunk;
  shrunk.parameters_before = model.parameter_count();
  drop_silent_branches(model, image, shrunk);
  const Dependencies dependencies = find_dependencies(model, image);
  Surgery surgery(dependencies);
  for (const Shrunk::Refusal& refusal : surgery.refusals()) shrunk.refusals.push_back(refusal);
  shrunk.selections = surgery.selections();
  shrunk.folded_constants = surgery.fold();
  for (nn::Parameter* parameter : model.parameters()) {
    const auto selection = shrunk.selections.find(parameter->name);
    if (selection == shrunk.selections.end()) continue;
    const std::int64_t filters = parameter->value.dim(0);
    shrink_parameter(*parameter, selection->second);
    if (parameter->kind == nn::ParameterKind::weight && parameter->value.dim(0) != filters)
      shrunk.layers.push_back({parameter->name, filters, parameter->value.dim(0)});
  }
  for (nn::Buffer* buffer : model.buffers()) {
    const auto selection = shrunk.selections.find(buffer->name);
    if (selection != shrunk.selections.end())
      nn::replace_(*buffer, selected(buffer->value, selection->second));
  }
  for (nn::Parameter* parameter : model.parameters()) drop_full_mask(*parameter);
  shrunk.parameters = model.parameter_count();
  compare(before, outputs_of(model, image), shrunk);
  return shrunk;
}

}  // namespace espalier::pruning
