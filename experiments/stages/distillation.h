// Knowledge distillation: a network learns from another's answers as well as from the labels.
//
//   L = (1 - weight) CE(labels, z) + weight T^2 CE(softmax(z_teacher / T), z / T)
//
// z are logits, T the temperature, which makes the teacher's small probabilities count; T^2 keeps the
// gradients of both terms of one size. Hinton, Vinyals and Dean, "Distilling the knowledge in a neural
// network", arXiv:1503.02531.
#pragma once

#include <string>

#include "experiments/stages/feature_distillation.h"
#include "experiments/stages/stage.h"
#include "framework/train/evaluate.h"

namespace espalier {

struct Distillation {
  std::string
      teacher;  // an earlier stage's label, or the path of a checkpoint or run; empty: no distillation
  double temperature = 4.0;
  double weight = 0.9;
  FeatureDistillation features = {};  // what its layers give; added to L where some are named

  void fields(FieldVisitor& v);

  // Throws Error (usage) when there is no such teacher, or it is made for other images or classes than the
  // data has, or lacks layers, as far as that can be known before the stages before this one are done.
  void rehearse(const StageInputs& inputs) const;
  // The loss of a training stage, to be called right after the context's model with the same images: while it
  // lives it watches the layers of that. Throws Error (usage) as rehearse() does.
  train::Loss loss(const StageContext& context, double label_smoothing) const;
};

}  // namespace espalier
