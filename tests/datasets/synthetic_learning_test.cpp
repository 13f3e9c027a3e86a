// What the synthetic data set promises, next to the linear model's failure: a small convolutional network
// learns it.
#include <doctest/doctest.h>

#include <memory>

#include "datasets/loader.h"
#include "datasets/synthetic.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/relu.h"
#include "framework/nn/modules/sequential.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/optim/lr_schedule.h"
#include "framework/optim/sgd.h"
#include "framework/train/evaluate.h"
#include "framework/train/trainer.h"

using namespace espalier;
using namespace espalier::datasets;

namespace {

// Sanitizers make training several times slower, and other tests run the same code under them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSlowBuild = true;
#else
constexpr bool kSlowBuild = false;
#endif

// Five convolutions of 3x3 with batch norm and ReLU, the mean of each channel, one linear layer: 74 thousand
// weights.
class SmallNet : public nn::Module {
 public:
  SmallNet() {
    add(3, 16, 2);
    add(16, 32, 1);
    add(32, 32, 2);
    add(32, 64, 1);
    add(64, 64, 2);
  }

  Tensor forward(const Tensor& x) override { return (*classifier_)(ops::global_avg_pool((*features_)(x))); }
  std::string type_name() const override { return "SmallNet"; }

 private:
  void add(std::int64_t in_channels, std::int64_t out_channels, int stride) {
    const nn::Conv2d::Options options{.stride = stride, .padding = 1, .bias = false};
    features_->add(std::make_shared<nn::Conv2d>(in_channels, out_channels, 3, options));
    features_->add(std::make_shared<nn::BatchNorm2d>(out_channels));
    features_->add(std::make_shared<nn::ReLU>());
  }

  std::shared_ptr<nn::Sequential> features_ = register_module("features", std::make_shared<nn::Sequential>());
  std::shared_ptr<nn::Linear> classifier_ =
      register_module("classifier", std::make_shared<nn::Linear>(64, 10));
};

}  // namespace

TEST_CASE("synthetic: a small convolutional network learns it" * doctest::skip(kSlowBuild)) {
  SyntheticSpec spec;
  spec.train_images = 16000;
  spec.test_images = 2000;
  const Splits splits = spec.load();
  LoaderOptions options;
  options.batch = 64;
  options.normalisation = splits.normalisation;
  Loader test(splits.test, options);
  options.shuffle = true;
  options.augment.crop_padding = 2;
  options.augment.flip = true;
  Loader training(splits.train, options);

  SmallNet net;
  nn::initialise(net, 1);
  optim::SgdSettings settings;
  settings.lr = 0.1;
  settings.momentum = 0.9;
  settings.nesterov = true;
  settings.weight_decay = 5e-4;
  optim::Sgd optimizer(net.parameters(), settings);
  const auto schedule = optim::lr_schedule_registry().make("one_cycle");
  const train::Loss loss = [](const Tensor& logits, const train::Batch& batch) {
    return ops::cross_entropy(logits, batch.labels);
  };
  train::Trainer(net, optimizer, *schedule, loss, training, {.epochs = 5, .seed = 1}).run();
  CHECK(train::evaluate(net, test, loss).accuracy_percent() > 85.0);
}
