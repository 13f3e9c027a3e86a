// How fast convolutions run: every shape of ResNet-18 and VGG-16, three passes, our kernels and oneDNN's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "experiments/bench/conv_shapes.h"

namespace espalier::bench {

struct ConvBenchOptions {
  std::int64_t batch = 128;
  kernels::Element element = kernels::Element::f32;  // of activations; oneDNN's weights too
  std::vector<std::string> only;  // words that shape, pass or backend must all contain; empty: everything
  bool every_kernel = false;      // all kernels that this CPU can run, not just the chosen one
  int rounds = 7;
  double round_seconds = 0.05;
};

struct ConvTime {
  const ConvLayer* layer;
  kernels::Conv2dPass pass;
  std::string backend;  // "native" or "onednn"
  std::string kernel;   // its name for what ran
  double seconds;       // a pass over the batch
  // Multiply-adds of a direct convolution count as two, whatever the algorithm did.
  double gflops;
};

// Calls `report` with the contenders of one shape and pass at a time. oneDNN runs in the layouts that it
// likes best, Winograd allowed, and its conversions to and from them are not counted. Throws Error (usage)
// when `only` leaves nothing.
void run_conv_bench(const ConvBenchOptions& options,
                    const std::function<void(const std::vector<ConvTime>&)>& report);

}  // namespace espalier::bench
