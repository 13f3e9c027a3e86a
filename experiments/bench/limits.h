// What this machine can do at most, measured.
#pragma once

namespace espalier::bench {

struct MachineLimits {
  double gflops = 0.0;       // f32 multiply-adds that touch no memory, all threads together
  double copy_gb_per_s = 0;  // bytes read plus bytes written by a copy of memory far beyond the caches
};

// Takes about a quarter of a second. With the active ISA and num_threads().
MachineLimits measure_limits();

}  // namespace espalier::bench
