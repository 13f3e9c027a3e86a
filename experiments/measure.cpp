#include "experiments/measure.h"

#include "datasets/loader.h"
#include "experiments/views.h"
#include "framework/ops/cross_entropy.h"

namespace espalier {

void EvaluationSettings::fields(FieldVisitor& v) {
  v.field("batch", batch, "images of a batch in evaluation", {1, 65536});
  v.field("views", views,
          "what the logits of an image are averaged over: itself, its mirror image too, shifts too",
          view_choices());
  v.field("test_every_epoch", test_every_epoch,
          "measure test accuracy after each epoch: to watch, never to choose by");
}

train::Metrics measure(nn::Module& model, const std::shared_ptr<const datasets::Dataset>& images,
                       const datasets::Normalisation& normalisation, const EvaluationSettings& settings,
                       DType precision) {
  datasets::LoaderOptions options;
  options.batch = settings.batch;
  options.normalisation = normalisation;
  options.precision = precision;
  datasets::Loader loader(images, options);
  const std::vector<View> views = views_from(settings.views);
  return train::evaluate(
      model, loader,
      [](const Tensor& logits, const train::Batch& measured) {
        return ops::cross_entropy(logits, measured.labels);
      },
      [&](nn::Module& judge, const Tensor& batch) { return predict_over_views(judge, batch, views); });
}

}  // namespace espalier
