#include "pruning/criteria/wanda.h"

#include <cmath>
#include <vector>

#include "framework/autograd/node.h"
#include "pruning/criteria/untouched.h"

namespace espalier::pruning {
namespace {

// Sums the squares of what reaches each weight's input channels.
class InputSquares : public nn::CallObserver {
 public:
  void called(nn::Module& module, const Tensor& x, const Tensor&) override {
    for (const nn::Parameter* parameter : module.own_parameters()) {
      if (parameter->kind == nn::ParameterKind::weight) add(sums_[parameter->name], x);
    }
  }

  // [channels]; empty when the weight was not used
  const std::vector<double>& of(const nn::Parameter& parameter) { return sums_[parameter.name]; }

 private:
  // x [N, C, ...], or [N, T, C] where tokens come first.
  static void add(std::vector<double>& sums, const Tensor& x) {
    const bool tokens = x.shape().rank() == 3;
    const std::int64_t channels = tokens ? x.dim(2) : x.dim(1);
    const std::int64_t after = tokens ? 1 : x.numel() / (x.dim(0) * channels);
    sums.resize(static_cast<std::size_t>(channels), 0.0);
    const std::vector<float> values = x.to_vector();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto channel = (static_cast<std::int64_t>(i) / after) % channels;
      sums[static_cast<std::size_t>(channel)] += double{values[i]} * double{values[i]};
    }
  }

  std::map<std::string, std::vector<double>> sums_;
};

}  // namespace

void Wanda::fields(FieldVisitor& v) {
  v.field("batches", batches_, "training batches that inputs are measured over", {1, 100000});
}

void Wanda::measure(const ScoringData& data, std::span<nn::Parameter* const> targets) {
  const Untouched untouched(data.model);
  InputSquares squares;
  {
    const NoGrad off;
    data.model.eval();
    for (std::int64_t i = 0; i < batches_; ++i) data.loss(i);
  }
  for (const nn::Parameter* target : targets) {
    const std::vector<double>& sums = squares.of(*target);
    const Shape& shape = target->value.shape();
    const std::int64_t inputs = shape[1], taps = target->value.numel() / (shape[0] * inputs);
    // A grouped convolution's weight names only its group's inputs: they count from the group's first.
    const auto channels = static_cast<std::int64_t>(sums.size());
    const std::int64_t groups = channels / inputs,
                       outputs_a_group = shape[0] / std::max<std::int64_t>(groups, 1);
    set_scores(*target, [&](std::int64_t i) {
      const std::int64_t oc = i / (inputs * taps), ic = i / taps % inputs;
      const std::int64_t channel = oc / outputs_a_group * inputs + ic;
      const double norm = channels == 0 ? 1.0 : std::sqrt(sums[static_cast<std::size_t>(channel)]);
      return static_cast<float>(std::abs(double{target->value.data()[i]}) * norm);
    });
  }
}

}  // namespace espalier::pruning
