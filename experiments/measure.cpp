#include "experiments/measure.h"

#include "datasets/loader.h"
#include "framework/ops/cross_entropy.h"

namespace espalier {

train::Metrics measure(nn::Module& model, const std::shared_ptr<const datasets::Dataset>& images,
                       const datasets::Normalisation& normalisation, std::int64_t batch) {
  datasets::LoaderOptions options;
  options.batch = batch;
  options.normalisation = normalisation;
  datasets::Loader loader(images, options);
  return train::evaluate(model, loader, [](const Tensor& logits, const train::Batch& measured) {
    return ops::cross_entropy(logits, measured.labels);
  });
}

}  // namespace espalier
