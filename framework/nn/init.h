// Initial weights, with PyTorch's distributions. Each parameter draws from a stream of its own, named by the
// seed and its path: adding a layer changes no other layer's weights.
#pragma once

#include <cstdint>

#include "framework/nn/module.h"

namespace espalier::nn {

// Calls reset_parameters(seed) on every module below the model and the model itself, children first. Masks
// stay as they are; where one is 0 the new value is 0.
void initialise(Module& model, std::uint64_t seed);

// Inputs that one output sums over: IC * KH * KW of [OC, IC, KH, KW], IC of [OC, IC].
std::int64_t fan_in(const Shape& weight);
// Uniform in [-bound, bound).
void uniform_(Parameter& parameter, float bound, std::uint64_t seed);
// Normal with mean 0. timm's and the compact transformers' trunc_normal_ cuts at +-2, which at their
// deviation of 0.02 is no cut.
void normal_(Parameter& parameter, double deviation, std::uint64_t seed);
// The start of vision transformers: weights of every linear layer below `model` normal, their biases zero.
void normal_linear_init_(Module& model, double deviation, std::uint64_t seed);
// PyTorch's default for convolutions and linear layers, kaiming_uniform_(a = sqrt(5)): weight and bias are
// uniform in +-1/sqrt(fan_in). `bias` may be null.
void default_init_(Parameter& weight, Parameter* bias, std::uint64_t seed);

}  // namespace espalier::nn
