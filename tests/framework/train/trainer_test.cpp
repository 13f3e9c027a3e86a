#include "framework/train/trainer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/linear.h"
#include "framework/ops/cross_entropy.h"
#include "framework/optim/sgd.h"
#include "framework/tensor/lanes.h"
#include "framework/train/stop.h"
#include "tests/support/gradient_check.h"

namespace espalier::train {
namespace {

constexpr std::int64_t kFeatures = 6, kClasses = 3, kBatch = 20, kBatches = 4;

// Random points, whose class is their largest of the first three coordinates.
class Points : public BatchSource {
 public:
  std::int64_t images() const override { return kBatch * kBatches; }
  std::int64_t batches() const override { return kBatches; }
  void start(std::int64_t, std::int64_t first_batch) override { next_ = first_batch; }
  std::optional<Batch> next() override {
    if (next_ == kBatches) return std::nullopt;
    Tensor points =
        testing::random_tensor({kBatch, kFeatures}, Layout::plain, 100 + static_cast<std::uint64_t>(next_));
    Tensor labels = Tensor::empty({kBatch}, Layout::plain, DType::i32);
    for (std::int64_t n = 0; n < kBatch; ++n) {
      const float* x = points.data() + n * kFeatures;
      labels.data<std::int32_t>()[n] = static_cast<std::int32_t>(std::max_element(x, x + kClasses) - x);
    }
    if (next_ == poisoned) points.data()[7] = std::numeric_limits<float>::quiet_NaN();
    ++next_;
    return Batch{to_lanes(points), labels};
  }

  std::int64_t poisoned = -1;  // batch with a NaN in it

 private:
  std::int64_t next_ = 0;
};

class Recorder : public Callback {
 public:
  void on_step(const StepReport& report) override {
    losses.push_back(report.loss);
    if (static_cast<std::int64_t>(losses.size()) == stop_after) request_stop();
  }
  void on_epoch_end(const EpochReport& report) override { epochs.push_back(report.training); }

  std::vector<double> losses;
  std::vector<Metrics> epochs;
  std::int64_t stop_after = -1;
};

struct Setup {
  Points points;
  nn::Linear model{kFeatures, kClasses};
  optim::Sgd optimizer;
  std::unique_ptr<optim::LrSchedule> schedule = optim::lr_schedule_registry().make("cosine");
  Recorder recorder;
  Trainer trainer;

  explicit Setup(std::int64_t epochs)
      : optimizer((nn::initialise(model, 1), model.parameters()), settings()),
        trainer(model, optimizer, *schedule,
                [](const Tensor& x, const Batch& batch) { return ops::cross_entropy(x, batch.labels); },
                points, {.epochs = epochs, .seed = 0}) {
    trainer.add_callback(&recorder);
  }

  static optim::SgdSettings settings() {
    optim::SgdSettings settings;
    settings.lr = 0.5;
    settings.momentum = 0.9;
    return settings;
  }
};

TEST_CASE("the loop learns, counts and reports every epoch") {
  Setup s(10);
  CHECK(s.trainer.run() == Outcome::finished);
  CHECK(s.recorder.losses.size() == 10 * kBatches);
  REQUIRE(s.recorder.epochs.size() == 10);
  CHECK(s.recorder.epochs.back().images == kBatch * kBatches);
  CHECK(s.recorder.epochs.back().loss() < 0.5 * s.recorder.epochs.front().loss());
  CHECK(s.recorder.epochs.back().accuracy_percent() > 90.0);
  CHECK(s.trainer.progress().step == 10 * kBatches);
}

TEST_CASE("a stop ends after the step under way, and training goes on from there to the same bits") {
  Setup whole(3);
  whole.trainer.run();
  for (const std::int64_t stop_after : {1, 3, 4, 6, 11, 12}) {
    CAPTURE(stop_after);
    Setup parts(3);
    parts.recorder.stop_after = stop_after;
    CHECK(parts.trainer.run() == Outcome::stopped);
    request_stop(false);
    CHECK(static_cast<std::int64_t>(parts.recorder.losses.size()) == stop_after);
    CHECK(parts.trainer.run() == Outcome::finished);
    CHECK(parts.recorder.losses == whole.recorder.losses);
    CHECK(parts.model.parameters()[0]->value.to_vector() == whole.model.parameters()[0]->value.to_vector());
    REQUIRE(parts.recorder.epochs.size() == 3);
    CHECK(parts.recorder.epochs[1].loss() == whole.recorder.epochs[1].loss());
  }
}

TEST_CASE("NaN is caught before a weight changes, and the message names step and operation") {
  Setup s(2);
  s.points.poisoned = 2;
  try {
    s.trainer.run();
    FAIL("training went on");
  } catch (const Error& error) {
    CHECK(error.exit_code() == 4);
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find("epoch 1, step 3") != std::string::npos);
    CHECK(message.find("linear") != std::string::npos);
  }
  for (float w : s.model.parameters()[0]->value.to_vector()) CHECK(std::isfinite(w));
  CHECK(s.optimizer.steps() == 2);
}

TEST_CASE("accuracy counts the rows whose largest logit is the label's, in both layouts") {
  const Tensor logits = Tensor::from({1, 2, 0, 5, 1, 1, 0, 0, 3}, {3, 3});
  Tensor labels = Tensor::zeros({3}, Layout::plain, DType::i32);
  labels.data<std::int32_t>()[0] = 1;
  labels.data<std::int32_t>()[2] = 1;
  CHECK(count_correct(logits, labels) == 2);
  CHECK(count_correct(to_lanes(logits), labels) == 2);
  CHECK(count_correct(to_lanes(logits, DType::bf16), labels) == 2);
}

}  // namespace
}  // namespace espalier::train
