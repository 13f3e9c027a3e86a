#include "pruning/criteria/apoz.h"

#include <algorithm>
#include <vector>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "pruning/criteria/followed_outputs.h"
#include "pruning/criteria/untouched.h"

namespace espalier::pruning {
namespace {

struct Counts {
  std::vector<std::int64_t> nonzero;  // [channels]
  std::int64_t values = 0;            // of each channel
};

Counts count(const Tensor& y, std::int64_t channels) {
  // [N, C, ...], or [N, T, C] where tokens come first
  const bool tokens = y.shape().rank() == 3;
  const std::int64_t after = tokens ? 1 : y.numel() / (y.dim(0) * channels);
  Counts counts{std::vector<std::int64_t>(static_cast<std::size_t>(channels), 0), y.numel() / channels};
  const std::vector<float> values = y.to_vector();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto channel = static_cast<std::int64_t>(i) / after % channels;
    counts.nonzero[static_cast<std::size_t>(channel)] += values[i] != 0.0f ? 1 : 0;
  }
  return counts;
}

}  // namespace

void Apoz::fields(FieldVisitor& v) {
  v.field("batches", batches_, "training batches that outputs are counted over", {1, 100000});
}

void Apoz::measure(const ScoringData& data, std::span<nn::Parameter* const> targets) {
  const Untouched untouched(data.model);
  std::map<std::string, Counts> all;
  {
    const NoGrad off;
    data.model.eval();
    for (std::int64_t i = 0; i < batches_; ++i) {
      std::map<std::string, Counts> batch;  // of the last module that each output was followed to
      FollowedOutputs followed([&](const nn::Parameter& weight, nn::Module&, const Tensor& y) {
        batch[weight.name] = count(y, weight.value.dim(0));
      });
      data.loss(i);
      for (const auto& [name, counts] : batch) {
        Counts& sum = all[name];
        sum.nonzero.resize(counts.nonzero.size(), 0);
        for (std::size_t c = 0; c < counts.nonzero.size(); ++c) sum.nonzero[c] += counts.nonzero[c];
        sum.values += counts.values;
      }
    }
  }
  const auto sees_zeros = [&](const nn::Parameter* target) {
    const auto found = all.find(target->name);
    return found != all.end() &&
           std::any_of(found->second.nonzero.begin(), found->second.nonzero.end(),
                       [&](std::int64_t nonzero) { return nonzero < found->second.values; });
  };
  never_zero_.clear();
  for (const nn::Parameter* target : targets) {
    if (!sees_zeros(target)) never_zero_.insert(target->name);
  }
  if (never_zero_.size() == targets.size()) {
    fail(ErrorKind::usage, "apoz",
         "no output of {} and the others is ever zero: all filters would score alike; it needs a ReLU right "
         "behind them",
         targets.front()->name);
  }
  for (const nn::Parameter* target : targets) {
    const auto found = all.find(target->name);
    const std::int64_t size = target->value.numel() / target->value.dim(0);
    set_scores(*target, [&](std::int64_t i) {
      if (found == all.end()) return 1.0f;  // never used
      return static_cast<float>(found->second.nonzero[static_cast<std::size_t>(i / size)]) /
             static_cast<float>(found->second.values);
    });
  }
}

std::string Apoz::blind_to(const nn::Parameter& parameter) const {
  return never_zero_.contains(parameter.name) ? "none of its outputs is ever zero" : "";
}

}  // namespace espalier::pruning
