#include "framework/tune/tuner.h"

#include <fmt/format.h>

#include "framework/tune/contest.h"
#include "framework/tune/measure_break_even.h"
#include "kernels/backend.h"
#include "kernels/conv2d/candidates.h"

namespace espalier::tune {
namespace {

using kernels::Conv2dKernel;
using kernels::Conv2dPass;
using kernels::Conv2dShape;

Tuner*& in_use() {
  static Tuner* tuner = nullptr;
  return tuner;
}

}  // namespace

const Conv2dKernel& Tuner::conv2d(const Conv2dShape& shape, Conv2dPass pass) {
  if (kernels::active_backend() != kernels::Backend::native) return kernels::backend_conv2d(shape, pass);
  const Conv2dShape compared = std::get<Conv2dShape>(at_compared_batch(shape));
  const auto place = std::make_pair(shape_key(compared), static_cast<int>(pass));
  if (const auto found = kernels_.find(place); found != kernels_.end()) return *found->second;
  const std::string key = dense_key(compared, pass);
  const Conv2dKernel* kernel = recorded(key, compared, pass);
  if (kernel == nullptr) {
    const DenseChoice choice = choose(key, compared, pass);
    kernel = kernels::find_conv2d(choice.kernel, compared, pass);
    settings_.recorded.dense[key] = choice;
  }
  kernels_[place] = kernel;
  return *kernel;
}

// Null: the record does not say, or names a kernel that cannot run.
const Conv2dKernel* Tuner::recorded(const std::string& key, const Conv2dShape& shape, Conv2dPass pass) const {
  const auto found = settings_.recorded.dense.find(key);
  if (found == settings_.recorded.dense.end()) return nullptr;
  const Conv2dKernel* kernel = kernels::find_conv2d(found->second.kernel, shape, pass);
  if (kernel == nullptr) {
    settings_.note(fmt::format(
        "the run's {} for {} cannot run here; another kernel takes its place, and the bits will differ",
        found->second.kernel, key));
  }
  return kernel;
}

DenseChoice Tuner::choose(const std::string& key, const Conv2dShape& shape, Conv2dPass pass) {
  const auto cached = settings_.cached.dense.find(key);
  const bool usable = cached != settings_.cached.dense.end() &&
                      kernels::find_conv2d(cached->second.kernel, shape, pass) != nullptr;
  DenseChoice choice = usable ? cached->second : compare(shape, pass);
  if (!usable && !choice.ms.empty()) measured_.dense[key] = choice;
  const std::string_view usual = kernels::select_conv2d(shape, pass).name;
  if (choice.kernel != usual) settings_.note(fmt::format("{}: {} instead of {}", key, choice.kernel, usual));
  return choice;
}

DenseChoice Tuner::compare(const Conv2dShape& shape, Conv2dPass pass) {
  const std::vector<const Conv2dKernel*> candidates = kernels::conv2d_candidates(shape, pass);
  if (candidates.size() == 1 || !settings_.measures) return {candidates.front()->name, {}};
  const Operands operands(shape);
  std::vector<Trial> trials;
  for (const Conv2dKernel* candidate : candidates) trials.push_back(dense_trial(*candidate, shape, operands));
  const Standing standing = contest(trials.size(), [&](std::size_t way) { return time(trials[way]); });
  DenseChoice choice{candidates[standing.winner]->name, {}};
  for (std::size_t i = 0; i < trials.size(); ++i) choice.ms[trials[i].name] = 1e3 * standing.seconds[i];
  return choice;
}

BreakEven Tuner::break_even(const LayerShape& shape, Conv2dPass pass, int block_size, double density) {
  const LayerShape compared = at_compared_batch(shape);
  const BreakEven fixed = fixed_break_even(compared, pass, block_size);
  if (density >= kFarAbove * fixed.density || kernels::active_backend() != kernels::Backend::native)
    return fixed;
  const auto key = std::make_pair(shape_key(compared), 10 * static_cast<int>(pass) + block_size);
  const auto found = break_evens_.find(key);
  if (found != break_evens_.end()) return found->second;
  return break_evens_[key] = find_break_even(compared, pass, block_size);
}

BreakEven Tuner::find_break_even(const LayerShape& shape, Conv2dPass pass, int block_size) {
  const std::string key = sparse_key(shape, pass, block_size);
  const auto recorded = settings_.recorded.break_even.find(key);
  if (recorded != settings_.recorded.break_even.end()) return recorded->second;
  BreakEven found = fixed_break_even(shape, pass, block_size);
  const auto cached = settings_.cached.break_even.find(key);
  // One that was measured against another dense kernel says nothing of this one.
  if (cached != settings_.cached.break_even.end() && cached->second.against == dense_kernel(shape, pass)) {
    found = cached->second;
  } else if (settings_.measures) {
    const auto* conv = std::get_if<Conv2dShape>(&shape);
    found = measure_break_even(shape, pass, block_size, conv == nullptr ? nullptr : &conv2d(*conv, pass),
                               [this](const Trial& trial) { return time(trial); });
    measured_.break_even[key] = found;
  }
  return settings_.recorded.break_even[key] = found;
}

double Tuner::time(const Trial& trial) {
  const double seconds = settings_.stopwatch(trial);
  measuring_seconds_ += seconds;
  return seconds;
}

std::string Tuner::dense_kernel(const LayerShape& shape, Conv2dPass pass) {
  if (const auto* s = std::get_if<Conv2dShape>(&shape)) return conv2d(*s, pass).name;
  return "linear";
}

UseTuner::UseTuner(Tuner* tuner) : before_(in_use()) { in_use() = tuner; }
UseTuner::~UseTuner() { in_use() = before_; }

const Conv2dKernel& conv2d_kernel(const Conv2dShape& shape, Conv2dPass pass) {
  return in_use() == nullptr ? kernels::backend_conv2d(shape, pass) : in_use()->conv2d(shape, pass);
}

BreakEven break_even(const LayerShape& shape, Conv2dPass pass, int block_size, double density) {
  return in_use() == nullptr ? fixed_break_even(shape, pass, block_size)
                             : in_use()->break_even(shape, pass, block_size, density);
}

std::map<std::string, double> compared_ms(const Conv2dShape& shape, Conv2dPass pass) {
  if (in_use() == nullptr) return {};
  const auto found = in_use()->record().dense.find(dense_key(shape, pass));
  return found == in_use()->record().dense.end() ? std::map<std::string, double>() : found->second.ms;
}

}  // namespace espalier::tune
