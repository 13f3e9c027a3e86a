#include "datasets/synthetic.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "datasets/augment/normalisation.h"
#include "framework/core/sha256.h"
#include "kernels/base/parallel.h"
#include "tests/datasets/support.h"

using namespace espalier;
using namespace espalier::datasets;

namespace {

constexpr std::int64_t kPixels = 3 * 32 * 32;

std::string bytes_of(const Dataset& dataset) {
  std::string bytes(static_cast<std::size_t>(dataset.size() * kPixels), '\0');
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    dataset.read(i, reinterpret_cast<std::uint8_t*>(bytes.data()) + i * kPixels);
  }
  return bytes;
}

// Pixels as [N][3072] floats around 0.
std::vector<float> values_of(const Dataset& dataset) {
  std::vector<float> values;
  for (const char byte : bytes_of(dataset))
    values.push_back(static_cast<float>(static_cast<unsigned char>(byte)) / 128.0f - 1.0f);
  return values;
}

// Softmax regression by stochastic gradient descent, one image at a time.
class LinearModel {
 public:
  void train(const Dataset& dataset, int epochs) {
    const std::vector<float> images = values_of(dataset);
    for (int epoch = 0; epoch < epochs; ++epoch) {
      const float rate = 1e-3f / static_cast<float>(1 + epoch);
      for (std::int64_t i = 0; i < dataset.size(); ++i) {
        const float* image = images.data() + i * kPixels;
        float p[10];
        logits(image, p);
        const float top = *std::max_element(p, p + 10);
        float total = 0.0f;
        for (float& value : p) total += value = std::exp(value - top);
        for (int k = 0; k < 10; ++k) {
          const float step = rate * (p[k] / total - (k == dataset.label(i) ? 1.0f : 0.0f));
          for (std::int64_t j = 0; j < kPixels; ++j)
            weight_[static_cast<std::size_t>(k * kPixels + j)] -= step * image[j];
        }
      }
    }
  }

  double accuracy(const Dataset& dataset) const {
    const std::vector<float> images = values_of(dataset);
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < dataset.size(); ++i) {
      float p[10];
      logits(images.data() + i * kPixels, p);
      right += std::max_element(p, p + 10) - p == dataset.label(i) ? 1 : 0;
    }
    return static_cast<double>(right) / static_cast<double>(dataset.size());
  }

 private:
  void logits(const float* image, float* p) const {
    for (int k = 0; k < 10; ++k) {
      float sums[8] = {};
      const float* row = weight_.data() + k * kPixels;
      for (std::int64_t j = 0; j < kPixels; j += 8) {
        for (int s = 0; s < 8; ++s) sums[s] += row[j + s] * image[j + s];
      }
      p[k] = 0.0f;
      for (const float sum : sums) p[k] += sum;
    }
  }

  std::vector<float> weight_ = std::vector<float>(10 * kPixels);  // [10][3072]
};

}  // namespace

TEST_CASE("synthetic: every machine, compiler and number of threads draws the same bytes") {
  const int threads = kernels::num_threads();
  for (const int count : {1, 3}) {
    kernels::set_num_threads(count);
    CHECK(sha256_hex(bytes_of(*synthetic_dataset(0, "train", 300))) ==
          "d3da5f988f129cd51e294d95a7a2e07f87a654ac550a441840ac602a5659e779");
  }
  kernels::set_num_threads(threads);
}

TEST_CASE("synthetic: seeds, splits and indices give different images, classes are balanced") {
  const std::string train = bytes_of(*synthetic_dataset(0, "train", 20));
  CHECK(train != bytes_of(*synthetic_dataset(1, "train", 20)));
  CHECK(train != bytes_of(*synthetic_dataset(0, "test", 20)));
  CHECK(train.substr(0, kPixels) != train.substr(10 * kPixels, kPixels));
  const auto dataset = synthetic_dataset(0, "train", 200);
  int count[10] = {};
  for (std::int64_t i = 0; i < 200; ++i) ++count[dataset->label(i)];
  for (const int n : count) CHECK(n == 20);
}

TEST_CASE("synthetic: the spec loads what its fields ask for") {
  SyntheticSpec spec;
  spec.train_images = 30;
  spec.test_images = 12;
  CHECK(spec.load().validation == nullptr);
  spec.validation_images = 8;
  const Splits splits = spec.load();
  CHECK(splits.name == "synthetic");
  CHECK(splits.train->size() == 30);
  CHECK(splits.validation->size() == 8);
  CHECK(splits.test->size() == 12);
  CHECK(splits.train->image_shape() == Shape{3, 32, 32});
  // The constants fit what is drawn.
  const Normalisation measured = measure_normalisation(*synthetic_dataset(0, "train", 2000));
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(measured.mean[c] == doctest::Approx(splits.normalisation.mean[c]).epsilon(0.05));
    CHECK(measured.stddev[c] == doctest::Approx(splits.normalisation.stddev[c]).epsilon(0.1));
  }
}

TEST_CASE("synthetic: a linear model stays near chance") {
  LinearModel model;
  const auto train = synthetic_dataset(0, "train", 6000);
  model.train(*train, 8);
  const double learned = model.accuracy(*train), test = model.accuracy(*synthetic_dataset(0, "test", 2000));
  CAPTURE(learned);
  CAPTURE(test);
  CHECK(learned > 0.2);  // it did learn: what it learned does not carry over
  CHECK(test < 0.2);
}
