#include "framework/nn/modules/dropout.h"

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/ops/dropout.h"

namespace espalier::nn {
namespace {

// Streams of one step: a module that is called more often than this would repeat itself.
constexpr int kCallBits = 20;

}  // namespace

Dropout::Dropout(double p) : p_(static_cast<float>(p)) {
  check(p >= 0.0 && p < 1.0, "Dropout", "the probability lies in [0, 1), got {}", p);
}

Tensor Dropout::forward(const Tensor& x) {
  if (!is_training()) return x;
  return ops::dropout(x, p_, true, seed_ ^ hash_text(path()), stream_++);
}

void Dropout::start_step(std::uint64_t seed, std::int64_t step) {
  seed_ = seed;
  stream_ = static_cast<std::uint64_t>(step) << kCallBits;
}

void start_dropout_step(Module& model, std::uint64_t seed, std::int64_t step) {
  for (Module* module : model.modules()) {
    if (auto* dropout = dynamic_cast<Dropout*>(module)) dropout->start_step(seed, step);
  }
}

}  // namespace espalier::nn
