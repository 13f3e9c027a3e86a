#include "datasets/loader.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "datasets/permutation.h"
#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/tensor/lanes.h"
#include "kernels/base/lanes.h"

namespace espalier::datasets {
namespace {

using kernels::kLanes;

// The data's mean as bytes, which normalisation maps to about 0.
std::vector<std::uint8_t> mean_bytes(const Normalisation& normalisation) {
  std::vector<std::uint8_t> bytes;
  for (const double mean : normalisation.mean) {
    bytes.push_back(static_cast<std::uint8_t>(std::lround(255.0 * std::clamp(mean, 0.0, 1.0))));
  }
  return bytes;
}

// `count` images side by side in the lanes of one group, normalised; the other lanes and the padding of the
// planes become 0.
//   images  `count` of [C, H*W]
//   group   [C][P][16], P = H*W | 1
void write_group(const std::uint8_t* const* images, int count, const Shape& image_shape,
                 const NormalisationTable& table, float* group) {
  const std::int64_t pixels = image_shape[1] * image_shape[2];
  const std::int64_t plane = kernels::plane_vectors(pixels);
  for (std::int64_t c = 0; c < image_shape[0]; ++c) {
    const float* value = table.channel(c);
    float* vector = group + c * plane * kLanes;
    for (std::int64_t p = 0; p < pixels; ++p, vector += kLanes) {
      for (int lane = 0; lane < count; ++lane) vector[lane] = value[images[lane][c * pixels + p]];
      for (int lane = count; lane < kLanes; ++lane) vector[lane] = 0.0f;
    }
    std::fill_n(vector, (plane - pixels) * kLanes, 0.0f);
  }
}

}  // namespace

Loader::Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options)
    : dataset_(std::move(dataset)),
      options_(std::move(options)),
      augmenter_(options_.augment, dataset_->image_shape(), mean_bytes(options_.normalisation)),
      table_(options_.normalisation, dataset_->image_shape()[0]),
      staging_(static_cast<std::size_t>(2 * kLanes * dataset_->image_shape().numel())) {
  if (options_.batch < 1)
    fail(ErrorKind::usage, "loader", "a batch has 1 image or more, got {}", options_.batch);
  if (batches() == 0) {
    fail(ErrorKind::usage, "loader", "{} images make no batch of {}", dataset_->size(), options_.batch);
  }
}

Loader::~Loader() { stop(); }

std::int64_t Loader::images() const {
  return options_.drop_last ? batches() * options_.batch : dataset_->size();
}

std::int64_t Loader::batches() const {
  const std::int64_t size = dataset_->size();
  return options_.drop_last ? size / options_.batch : (size + options_.batch - 1) / options_.batch;
}

void Loader::start(std::int64_t epoch, std::int64_t first_batch) {
  check(first_batch >= 0 && first_batch <= batches(), "loader",
        "an epoch has {} batches, asked to start at {}", batches(), first_batch);
  stop();
  thread_ = std::thread([this, epoch, first_batch] { produce(epoch, first_batch); });
}

std::optional<Batch> Loader::next() {
  check(thread_.joinable(), "loader", "call start() before next()");
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty() || finished_; });
  if (ready_.empty()) {
    if (error_) std::rethrow_exception(error_);
    return std::nullopt;
  }
  Batch batch = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  // Here, with the threads of the training loop: the loader's own has none beside it.
  batch.images = converted(batch.images, options_.precision);
  return batch;
}

void Loader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  ready_.clear();
  finished_ = false;
  stopping_ = false;
  error_ = nullptr;
}

void Loader::produce(std::int64_t epoch, std::int64_t first_batch) {
  std::exception_ptr error;
  try {
    std::vector<std::int64_t> order;
    if (options_.shuffle) {
      order =
          random_permutation(dataset_->size(), options_.seed, "shuffle", static_cast<std::uint64_t>(epoch));
    } else {
      order.resize(static_cast<std::size_t>(dataset_->size()));
      std::iota(order.begin(), order.end(), 0);
    }
    for (std::int64_t number = first_batch; number < batches(); ++number) {
      Batch batch = make_batch(number, epoch, order);
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ready_.size() < kReadyBatches || stopping_; });
      if (stopping_) return;
      ready_.push_back(std::move(batch));
      lock.unlock();
      changed_.notify_all();
    }
  } catch (...) { error = std::current_exception(); }
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    error_ = error;
  }
  changed_.notify_all();
}

Batch Loader::make_batch(std::int64_t number, std::int64_t epoch, const std::vector<std::int64_t>& order) {
  const Shape image_shape = dataset_->image_shape();
  const std::int64_t first = number * options_.batch;
  const std::int64_t n = std::min(options_.batch, dataset_->size() - first);
  Batch batch;
  batch.images = Tensor::empty({n, image_shape[0], image_shape[1], image_shape[2]}, Layout::lanes);
  batch.labels = Tensor::empty({n}, Layout::plain, DType::i32);
  std::int32_t* labels = batch.labels.data<std::int32_t>();  // [N]
  const std::int64_t group_floats = batch.images.storage_elements() / batch.images.groups();
  for (std::int64_t g = 0; g < batch.images.groups(); ++g) {
    const int count = kernels::lanes_in_group(n, g);
    const std::uint8_t* images[kLanes] = {};
    for (int lane = 0; lane < count; ++lane) {
      const std::int64_t i = g * kLanes + lane;
      const std::int64_t index = order[static_cast<std::size_t>(first + i)];
      std::uint8_t* image = staging_.data() + 2 * lane * image_shape.numel();
      labels[i] = dataset_->read(index, image);
      images[lane] = augmenter_.apply(image, image + image_shape.numel(), {options_.seed, epoch, index});
    }
    write_group(images, count, image_shape, table_, batch.images.data() + g * group_floats);
  }
  Random random(options_.seed, "mix", static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(number));
  options_.augment.mix.apply(batch, random);
  return batch;
}

}  // namespace espalier::datasets
