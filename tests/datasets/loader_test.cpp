#include "datasets/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "framework/tensor/lanes.h"
#include "tests/datasets/support.h"
#include "tests/support/keep_largest.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::datasets::testing;

namespace {

constexpr double kMean[] = {0.4, 0.5, 0.6};
constexpr double kStddev[] = {0.2, 0.25, 0.3};
const Normalisation kNormalisation = {{0.4, 0.5, 0.6}, {0.2, 0.25, 0.3}};

LoaderOptions options(std::int64_t batch) { return {.batch = batch, .normalisation = kNormalisation}; }

LoaderOptions training_options(std::int64_t batch) {
  LoaderOptions result = options(batch);
  result.shuffle = true;
  result.seed = 3;
  result.augment.crop_padding = 2;
  result.augment.flip = true;
  result.augment.cutout = 3;
  return result;
}

std::vector<Batch> epoch_of(Loader& loader, std::int64_t epoch, std::int64_t first_batch = 0) {
  std::vector<Batch> batches;
  loader.start(epoch, first_batch);
  while (std::optional<Batch> batch = loader.next()) batches.push_back(*batch);
  return batches;
}

std::vector<std::int32_t> labels_of(const Batch& batch) {
  const std::int32_t* labels = batch.labels.data<std::int32_t>();
  return std::vector<std::int32_t>(labels, labels + batch.labels.numel());
}

bool same_bits(const Batch& a, const Batch& b) {
  return a.images.shape() == b.images.shape() && labels_of(a) == labels_of(b) &&
         std::memcmp(a.images.data(), b.images.data(),
                     static_cast<std::size_t>(a.images.storage_elements()) * sizeof(float)) == 0;
}

bool same_bits(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](const Batch& x, const Batch& y) { return same_bits(x, y); });
}

}  // namespace

TEST_CASE(
    "loader: without shuffling the batches are the normalised images in order, padding lanes are zero") {
  const Shape image_shape{3, 5, 6};
  for (const std::int64_t images : {1, 5, 15, 16, 17, 33, 37}) {
    CAPTURE(images);
    const auto dataset = random_dataset(images, image_shape);
    Loader loader(dataset, options(16));
    const std::vector<Batch> batches = epoch_of(loader, 0);
    CHECK(static_cast<std::int64_t>(batches.size()) == loader.batches());
    std::int64_t index = 0;
    std::vector<std::uint8_t> image(static_cast<std::size_t>(image_shape.numel()));
    for (const Batch& batch : batches) {
      REQUIRE(batch.images.is_lanes());
      const std::vector<float> values = from_lanes(batch.images).to_vector();
      for (std::int64_t n = 0; n < batch.images.dim(0); ++n, ++index) {
        CHECK(labels_of(batch)[static_cast<std::size_t>(n)] == dataset->read(index, image.data()));
        double largest = 0.0;
        for (std::int64_t i = 0; i < image_shape.numel(); ++i) {
          const std::int64_t c = i / 30;
          const double expected = (image[static_cast<std::size_t>(i)] / 255.0 - kMean[c]) / kStddev[c];
          espalier::testing::keep_largest(largest,
                                          std::abs(values[static_cast<std::size_t>(n * 90 + i)] - expected));
        }
        CHECK(largest < 4e-7);  // one rounding to float of values up to 3: half an epsilon of 2 to 4
      }
      // Lanes without an image, and the padding between planes of 30 pixels.
      const float* group = batch.images.data() + (batch.images.groups() - 1) * 3 * 31 * 16;  // [3][31][16]
      const std::int64_t used = batch.images.dim(0) - (batch.images.groups() - 1) * 16;
      bool zero = true;
      for (std::int64_t i = 0; i < 3 * 31 * 16; ++i) {
        if (i % 16 >= used || i / 16 % 31 == 30) zero = zero && group[i] == 0.0f;
      }
      CHECK(zero);
    }
    CHECK(index == images);
  }
}

TEST_CASE("loader: images of bf16 are those of f32, rounded") {
  const auto dataset = random_dataset(37, {3, 5, 6});
  LoaderOptions rounded = training_options(16);
  rounded.precision = DType::bf16;
  Loader narrow(dataset, rounded), wide(dataset, training_options(16));
  const std::vector<Batch> batches = epoch_of(narrow, 2), expected = epoch_of(wide, 2);
  REQUIRE(batches.size() == expected.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    CHECK(batches[i].images.dtype() == DType::bf16);
    CHECK(labels_of(batches[i]) == labels_of(expected[i]));
    CHECK(batches[i].images.to_vector() == converted(expected[i].images, DType::bf16).to_vector());
  }
}

TEST_CASE("loader: drop_last leaves out the batch that is not full") {
  LoaderOptions drop = options(16);
  drop.drop_last = true;
  Loader loader(random_dataset(37, {3, 4, 4}), drop);
  CHECK(loader.batches() == 2);
  CHECK(loader.images() == 32);
  for (const Batch& batch : epoch_of(loader, 0)) CHECK(batch.images.dim(0) == 16);
  CHECK(Loader(random_dataset(37, {3, 4, 4}), options(16)).images() == 37);
}

TEST_CASE("loader: shuffling gives each image once, in another order in each epoch") {
  // One class an image: labels say which images came.
  const auto dataset = random_dataset(100, {3, 4, 4}, 100);
  LoaderOptions shuffled = options(32);
  shuffled.shuffle = true;
  Loader loader(dataset, shuffled);
  std::vector<std::vector<std::int32_t>> orders;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::int32_t>& order = orders.emplace_back();
    for (const Batch& batch : epoch_of(loader, epoch)) {
      for (const std::int32_t label : labels_of(batch)) order.push_back(label);
    }
    std::vector<std::int32_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (std::int32_t i = 0; i < 100; ++i) CHECK(sorted[static_cast<std::size_t>(i)] == i);
    CHECK(order != sorted);
  }
  CHECK(orders[0] != orders[1]);
  CHECK(orders[1] != orders[2]);
}

TEST_CASE("loader: the bits depend on seed and epoch, not on what was loaded before") {
  const auto dataset = random_dataset(75, {3, 8, 8});
  Loader loader(dataset, training_options(16));
  const std::vector<Batch> first = epoch_of(loader, 4);
  epoch_of(loader, 1);
  CHECK(same_bits(epoch_of(loader, 4), first));
  CHECK_FALSE(same_bits(epoch_of(loader, 5), first));
  Loader another(dataset, training_options(16));
  CHECK(same_bits(epoch_of(another, 4), first));
  LoaderOptions other_seed = training_options(16);
  other_seed.seed = 9;
  Loader third(dataset, other_seed);
  CHECK_FALSE(same_bits(epoch_of(third, 4), first));
}

TEST_CASE("loader: an epoch begun at a later batch goes on as if it had never stopped") {
  Loader loader(random_dataset(75, {3, 8, 8}), training_options(16));
  const std::vector<Batch> whole = epoch_of(loader, 2);
  for (std::int64_t first = 0; first <= loader.batches(); ++first) {
    CHECK(same_bits(epoch_of(loader, 2, first), std::vector<Batch>(whole.begin() + first, whole.end())));
  }
}

TEST_CASE("loader: images change from epoch to epoch only where augmentation is on") {
  const auto dataset = random_dataset(16, {3, 8, 8});
  Loader plain(dataset, options(16));
  CHECK(same_bits(epoch_of(plain, 0), epoch_of(plain, 1)));
  LoaderOptions flipping = options(16);
  flipping.augment.flip = true;
  Loader augmented(dataset, flipping);
  CHECK_FALSE(same_bits(epoch_of(augmented, 0), epoch_of(augmented, 1)));
}

TEST_CASE("loader: can be stopped and started at any moment") {
  const auto dataset = random_dataset(200, {3, 8, 8});
  for (int taken = 0; taken < 8; ++taken) {
    Loader loader(dataset, training_options(16));
    loader.start(0);
    for (int i = 0; i < taken; ++i) CHECK(loader.next().has_value());
    loader.start(1);
    if (taken % 2 == 0) CHECK(loader.next().has_value());
  }
  { Loader never_started(dataset, options(16)); }
  Loader ended(dataset, options(64));
  epoch_of(ended, 0);
  CHECK_FALSE(ended.next().has_value());  // and stays at its end
}

namespace {

// Cannot read image 40.
class BrokenDataset : public Dataset {
 public:
  std::int64_t size() const override { return 64; }
  Shape image_shape() const override { return {3, 4, 4}; }
  std::int64_t classes() const override { return 10; }
  std::int32_t label(std::int64_t) const override { return 0; }
  std::int32_t read(std::int64_t index, std::uint8_t* chw) const override {
    if (index == 40) fail(ErrorKind::io, "broken", "image 40 cannot be read");
    std::memset(chw, 0, 48);
    return 0;
  }
};

}  // namespace

TEST_CASE("loader: an error while reading reaches the one who asks for batches, after the good ones") {
  Loader loader(std::make_shared<BrokenDataset>(), options(16));
  loader.start(0);
  CHECK(loader.next().has_value());
  CHECK(loader.next().has_value());
  for (int i = 0; i < 2; ++i) check_error(ErrorKind::io, {"image 40"}, [&] { loader.next(); });
  loader.start(1);
  CHECK(loader.next().has_value());
}

TEST_CASE("loader: an epoch asks the system for no memory once its buffers are there") {
  Loader loader(random_dataset(640, {3, 8, 8}), training_options(32));
  const auto run = [&] {
    loader.start(0);
    while (loader.next()) {}
  };
  run();
  // Batches that wait, the one in use and the one in the making: let all be in use at once.
  std::vector<Batch> held;
  loader.start(0);
  for (int i = 0; i < 6; ++i) held.push_back(*loader.next());
  held.clear();
  const std::uint64_t before = allocator_stats().system_allocations;
  run();
  CHECK(allocator_stats().system_allocations == before);
}

TEST_CASE("loader: options that make no sense are refused") {
  const auto dataset = random_dataset(20, {3, 8, 8});
  check_error(ErrorKind::usage, {"batch", "0"}, [&] { Loader(dataset, options(0)); });
  LoaderOptions none = options(32);
  none.drop_last = true;
  check_error(ErrorKind::usage, {"20 images make no batch of 32"}, [&] { Loader(dataset, none); });
  LoaderOptions padded = options(16);
  padded.augment.crop_padding = 8;
  check_error(ErrorKind::usage, {"crop_padding", "8x8"}, [&] { Loader(dataset, padded); });
  LoaderOptions grey = options(16);
  grey.normalisation = {{0.5}, {0.5}};
  check_error(ErrorKind::failure, {"3 channels"}, [&] { Loader(dataset, grey); });
  Loader loader(dataset, options(16));
  check_error(ErrorKind::failure, {"start()"}, [&] { loader.next(); });
  check_error(ErrorKind::failure, {"2 batches", "3"}, [&] { loader.start(0, 3); });
}
