// What the weights and masks of a pruned network are made into before it trains again. With masks kept:
//
//   go on        as they are: fine-tuning; with the whole schedule of the learning rate again, learning-rate
//   rewinding rewind_      the weights of an early step: a lottery ticket (Frankle and Carbin, ICLR 2019;
//   from a step after the
//                first: Frankle et al., ICML 2020)
//   initialise   new random weights (nn::initialise): the control that says whether the initial ones mattered
//
// Renda, Frankle and Carbin, "Comparing rewinding and fine-tuning in neural network pruning", ICLR 2020.
#pragma once

#include <cstdint>

#include "framework/nn/module.h"
#include "framework/tensor/named_tensors.h"

namespace espalier::pruning {

// Values and running statistics of `snapshot` (a state_dict); masks stay, and what they prune stays 0. Throws
// Error (integrity) when the snapshot is another model's.
void rewind_(nn::Module& model, const NamedTensors& snapshot);

// Permutes the mask of every parameter: as many weights in each layer, at random places. The control that
// says whether the places mattered, or only their number (Frankle et al., "Pruning neural networks at
// initialization: why are we missing the mark?", ICLR 2021). Units of the granularity break up: for single
// weights.
void shuffle_masks_(nn::Module& model, std::uint64_t seed);

}  // namespace espalier::pruning
