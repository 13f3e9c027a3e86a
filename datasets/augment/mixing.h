// Mixing pairs of images of a batch, and their labels in the same proportion. The partner of image i of n is
// image n-1-i, so that an image is read and augmented once.
//
//   mixup    x = share x + (1 - share) x'                   Zhang et al., ICLR 2018
//   cutmix   a rectangle of x', of 1 - share of the area    Yun et al., ICCV 2019
//
// share ~ Beta(alpha, alpha), one for a batch. The loss is share CE(labels) + (1 - share) CE(mixed_labels).
#pragma once

#include <cstdint>

#include "framework/core/fields.h"
#include "framework/core/random.h"
#include "framework/train/batch.h"

namespace espalier::datasets {

struct Mixing {
  double mixup = 0.0;
  double cutmix = 0.0;
  double probability = 1.0;

  void fields(FieldVisitor& v);
  bool none() const { return mixup == 0.0 && cutmix == 0.0; }

  // Sets the batch's mixed_labels and own_share. With both kinds on, either is taken half of the times.
  void apply(train::Batch& batch, Random& random) const;
};

// From Beta(alpha, alpha), alpha > 0 (Joehnk's method).
double symmetric_beta(double alpha, Random& random);

}  // namespace espalier::datasets
