// What the weights and masks of a pruned network are made into before it trains again. With masks kept:
//
//   go on           as they are: fine-tuning; with the whole schedule of the learning rate again,
//                   learning-rate rewinding
//   rewind_         the weights of an early step, from which training goes on: a lottery ticket (Frankle and
//                   Carbin, ICLR 2019; from a step after the first: Frankle et al., ICML 2020)
//   reinitialise_   new random weights: the control that says whether the initial ones mattered
//   shuffle_masks_  other places: the control that says whether the places mattered, or only their number
//
// Renda, Frankle and Carbin, "Comparing rewinding and fine-tuning in neural network pruning", ICLR 2020; for
// pruning at initialisation Frankle et al., "Pruning neural networks at initialization: why are we missing
// the mark?", ICLR 2021.
#pragma once

#include <cstdint>
#include <span>

#include "framework/nn/module.h"
#include "framework/tensor/named_tensors.h"

namespace espalier::pruning {

// Values and running statistics of `snapshot` (a state_dict); masks stay, and what they prune stays 0. Throws
// Error (integrity) when the snapshot is another model's.
void rewind_(nn::Module& model, const NamedTensors& snapshot);

// Other initial weights than those that `seed` gives; masks stay, and what they prune is 0.
void reinitialise_(nn::Module& model, std::uint64_t seed);

// Permutes the mask of every parameter: as many weights in each layer, at random places. Units of several
// weights break up: for single weights.
void shuffle_masks_(std::span<nn::Parameter* const> parameters, std::uint64_t seed);

}  // namespace espalier::pruning
