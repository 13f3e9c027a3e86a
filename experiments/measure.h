// Loss and accuracy of a model on a split of the data, as it is: in order, not augmented, without smoothing.
#pragma once

#include <cstdint>
#include <memory>

#include "datasets/dataset.h"
#include "framework/nn/module.h"
#include "framework/train/evaluate.h"

namespace espalier {

train::Metrics measure(nn::Module& model, const std::shared_ptr<const datasets::Dataset>& images,
                       const datasets::Normalisation& normalisation, std::int64_t batch);

}  // namespace espalier
