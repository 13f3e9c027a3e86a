// Distillation from within: a student learns from what its teacher's layers give, as well as from its answers.
//
//   L += feature_weight * sum over layers of distance(student's output, teacher's output)
//
//   distill = { teacher = "dense", features = ["layer?"], feature_weight = 10.0 }
//
// Both networks name the layers alike, so that a pruned network, also a shrunk one, learns from what it was.
#pragma once

#include <string>
#include <vector>

#include "framework/core/fields.h"
#include "framework/nn/module.h"

namespace espalier {

struct FeatureDistillation {
  std::vector<std::string> layers;  // patterns of paths; empty: none
  std::string kind = "attention";   // of distance (feature_distance.h)
  double weight = 1.0;

  void fields(FieldVisitor& v);

  // The layers of the student. Throws Error (usage) for a pattern that matches none.
  std::vector<nn::Module*> layers_of(nn::Module& student) const;
  // The same layers of the teacher, in the same order. Throws Error (usage) when it lacks one, or when what
  // two of them give for an image [C, H, W] cannot be compared.
  std::vector<nn::Module*> counterparts(nn::Module& student, nn::Module& teacher, const Shape& image) const;
  // Weighted, of what the layers of both gave.
  Tensor loss(const std::vector<Tensor>& student, const std::vector<Tensor>& teacher) const;
};

}  // namespace espalier
