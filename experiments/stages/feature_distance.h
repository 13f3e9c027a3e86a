// How far what a layer of a student gives is from what its teacher's gives, for the same images. Gradients go
// to the student.
#pragma once

#include "framework/tensor/tensor.h"

namespace espalier {

// Where they look: the mean over images of |a(student) - a(teacher)|^2, where
//
//   a = q / |q|    q[n, p] = mean over channels c of x[n, c, p]^2
//
// has a value for each pixel p of [N, C, H, W], or token of [N, T, C]. Channels need not agree, pixels and
// tokens do. Between 0 and 2. Zagoruyko and Komodakis, "Paying more attention to attention", ICLR 2017; their
// program takes the mean over pixels too, and weighs it with 1000.
Tensor attention_distance(const Tensor& student, const Tensor& teacher);

// What they compute: the mean of (student - teacher)^2, of equal shapes. Romero et al., "FitNets: hints for
// thin deep nets", ICLR 2015, without the layer that widens the student.
Tensor hint_distance(const Tensor& student, const Tensor& teacher);

}  // namespace espalier
