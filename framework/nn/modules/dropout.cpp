#include "framework/nn/modules/dropout.h"

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/ops/dropout.h"
#include "framework/ops/stochastic_depth.h"

namespace espalier::nn {
namespace {

// Streams of one step: a module that is called more often than this would repeat itself.
constexpr int kCallBits = 20;

}  // namespace

Dropping::Dropping(double p, const char* what) : p_(static_cast<float>(p)) {
  check(p >= 0.0 && p < 1.0, what, "the probability lies in [0, 1), got {}", p);
}

Tensor Dropping::forward(const Tensor& x) {
  if (!is_training()) return x;
  return drop(x, p_, seed_ ^ hash_text(path()), stream_++);
}

void Dropping::start_step(std::uint64_t seed, std::int64_t step) {
  seed_ = seed;
  stream_ = static_cast<std::uint64_t>(step) << kCallBits;
}

Tensor Dropout::drop(const Tensor& x, float p, std::uint64_t seed, std::uint64_t stream) const {
  return ops::dropout(x, p, true, seed, stream);
}

Tensor StochasticDepth::drop(const Tensor& x, float p, std::uint64_t seed, std::uint64_t stream) const {
  return ops::stochastic_depth(x, p, true, seed, stream);
}

void start_dropout_step(Module& model, std::uint64_t seed, std::int64_t step) {
  for (Module* module : model.modules()) {
    if (auto* dropping = dynamic_cast<Dropping*>(module)) dropping->start_step(seed, step);
  }
}

void stop_dropping(Module& model) {
  for (Module* module : model.modules()) {
    if (auto* dropping = dynamic_cast<Dropping*>(module)) dropping->eval();
  }
}

}  // namespace espalier::nn
