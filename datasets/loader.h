// Batches of a data set: shuffled, augmented, normalised and laid out in lanes by a thread of its own, while
// the step before still computes.
//
//   Loader loader(splits.train, {.batch = 128, .shuffle = true, .augment = ..., .normalisation = ...});
//   loader.start(epoch);
//   while (std::optional<Batch> batch = loader.next()) { ... }
//
// The bits of a batch depend on the data, the options, the epoch and the batch's number only: a run that
// resumes in the middle of an epoch gets what it would have got.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "datasets/augment/augmentation.h"
#include "datasets/augment/normalisation.h"
#include "datasets/dataset.h"
#include "framework/train/batch.h"

namespace espalier::datasets {

struct LoaderOptions {
  std::int64_t batch = 128;
  bool shuffle = false;  // a new order in each epoch
  Augmentation augment = {};
  Normalisation normalisation = {};
  std::uint64_t seed = 0;
  bool drop_last = false;        // leave out a last batch that is not full
  DType precision = DType::f32;  // of the images: f32, or rounded to bf16
};

using train::Batch;

class Loader : public train::BatchSource {
 public:
  // Throws Error when the options make no sense for the data.
  Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options);
  ~Loader() override;
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t images() const override;
  std::int64_t batches() const override;

  // Begins an epoch at its batch `first_batch`; whatever was under way is dropped.
  void start(std::int64_t epoch, std::int64_t first_batch = 0) override;
  // The next batch of the epoch, or nothing after its last. An error that reading an image threw is thrown
  // here, once the batches before it are used up.
  std::optional<Batch> next() override;

 private:
  // Batches made ahead: one being used up while the next is complete and a third is in the making.
  static constexpr std::size_t kReadyBatches = 2;

  void produce(std::int64_t epoch, std::int64_t first_batch);
  Batch make_batch(std::int64_t number, std::int64_t epoch, const std::vector<std::int64_t>& order);
  void stop();

  const std::shared_ptr<const Dataset> dataset_;
  const LoaderOptions options_;
  const Augmenter augmenter_;
  const NormalisationTable table_;
  std::vector<std::uint8_t> staging_;  // [16][2][C, H, W]: images of a group, each with its scratch

  std::thread thread_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Batch> ready_;
  bool finished_ = false;
  bool stopping_ = false;
  std::exception_ptr error_;
};

}  // namespace espalier::datasets
