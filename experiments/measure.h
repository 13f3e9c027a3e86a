// Loss and accuracy of a model on a split of the data: in order, without smoothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "datasets/dataset.h"
#include "framework/core/fields.h"
#include "framework/nn/module.h"
#include "framework/train/evaluate.h"

namespace espalier {

struct EvaluationSettings {
  std::int64_t batch = 250;
  std::string views = "one";
  bool test_every_epoch = false;

  void fields(FieldVisitor& v);
};

// `precision`: of activations, f32 or bf16.
train::Metrics measure(nn::Module& model, const std::shared_ptr<const datasets::Dataset>& images,
                       const datasets::Normalisation& normalisation, const EvaluationSettings& settings,
                       DType precision);

}  // namespace espalier
