// How fast one loader thread makes batches: of random images, augmented as the configs do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/tensor/dtype.h"

namespace espalier::bench {

struct DataBenchOptions {
  std::int64_t batch = 128;
  DType precision = DType::f32;  // of the batches: f32 or bf16
  int rounds = 7;                // epochs that count; their median does
  std::int64_t images = 10000;   // an epoch, 3x32x32; more than the caches near a core hold
};

struct DataSpeed {
  std::string augmentation;  // "crop, flip"
  double images_per_s = 0.0;
};

// One for each augmentation, after none at all. Throws Error as Loader does.
std::vector<DataSpeed> measure_loading(const DataBenchOptions& options);

}  // namespace espalier::bench
