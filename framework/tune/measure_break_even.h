// Below which density of kept weights a sparse pass takes less time than the dense one.
#pragma once

#include "framework/tune/choices.h"
#include "framework/tune/trials.h"

namespace espalier::tune {

// By the tables of kernels/spconv2d and kernels/splinear, on any machine.
BreakEven fixed_break_even(const LayerShape& shape, kernels::Conv2dPass pass, int block_size);

// Densities this many times the table's break-even are dense: no machine is so different, but a moment may
// be.
inline constexpr double kFarAbove = 2.0;

// By the clock, on random patterns: takes the time of some ten dense passes. `dense`: the kernel to compare
// with; null for a linear layer, which has one.
BreakEven measure_break_even(const LayerShape& shape, kernels::Conv2dPass pass, int block_size,
                             const kernels::Conv2dKernel* dense, const Stopwatch& stopwatch);

}  // namespace espalier::tune
