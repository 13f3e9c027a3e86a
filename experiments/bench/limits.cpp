#include "experiments/bench/limits.h"

#include <algorithm>
#include <limits>

#include "experiments/bench/timing.h"
#include "framework/tensor/tensor.h"
#include "kernels/base/parallel.h"
#include "kernels/probe/probe.h"

namespace espalier::bench {

MachineLimits measure_limits() {
  constexpr std::int64_t kIterations = 1 << 18;
  constexpr std::int64_t kCopyFloats = 1 << 26;
  constexpr int kRounds = 6;
  const kernels::ProbeKernels& probe = kernels::probe();

  const int threads = kernels::num_threads();
  Tensor sums = Tensor::empty({threads});  // a result that is used, so that it is computed
  const auto multiply_add = [&] {
    kernels::parallel_for(
        threads, [&](std::int64_t task) { sums.data()[task] = probe.multiply_add(0.5f, 1.0f, kIterations); });
  };
  const Tensor source = Tensor::zeros({kCopyFloats});
  Tensor target = Tensor::zeros({kCopyFloats});
  const auto copy = [&] { probe.stream_copy(source.data(), target.data(), kCopyFloats); };

  // A limit is what was reached at best: whatever else runs here only slows it down.
  const auto best_seconds = [](const auto& body) {
    double best = std::numeric_limits<double>::infinity();
    for (int round = 0; round < kRounds; ++round) {
      const double start = now_seconds();
      body();
      best = std::min(best, now_seconds() - start);
    }
    return best;
  };
  const double flops = threads * probe.flops_per_iteration * static_cast<double>(kIterations);
  const double bytes = 2.0 * sizeof(float) * static_cast<double>(kCopyFloats);
  return {.gflops = 1e-9 * flops / best_seconds(multiply_add),
          .copy_gb_per_s = 1e-9 * bytes / best_seconds(copy)};
}

}  // namespace espalier::bench
