#include "framework/infer/plan.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/pool2d.h"
#include "framework/nn/modules/relu.h"
#include "framework/nn/modules/sequential.h"
#include "framework/ops/add.h"
#include "framework/ops/exp.h"
#include "framework/ops/flatten.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/ops/relu.h"
#include "framework/ops/subsample.h"
#include "kernels/base/parallel.h"
#include "tests/framework/infer/infer_support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

// A network as people write them: convolutions with and without norm, ReLU, residuals of three kinds, pools,
// and a classifier on the mean or on all pixels.
class RandomNetwork : public nn::Module {
 public:
  RandomNetwork(const Shape& image, std::uint32_t seed) : engine_(seed) {
    std::int64_t channels = image[0], height = image[1], width = image[2];
    const int layers = between(2, 5);
    for (int i = 0; i < layers; ++i) {
      Block block;
      const int kernel = 2 * between(0, 2) + 1;
      block.stride = height >= 4 && width >= 4 && between(0, 2) == 0 ? 2 : 1;
      const std::int64_t out = between(0, 2) == 0 ? channels : between(1, 37);
      const int groups = out % channels == 0 && between(0, 3) == 0 ? static_cast<int>(channels) : 1;
      block.conv =
          register_module(fmt::format("conv{}", i),
                          std::make_shared<nn::Conv2d>(channels, out, kernel,
                                                       nn::Conv2d::Options{.stride = block.stride,
                                                                           .padding = kernel / 2,
                                                                           .groups = groups,
                                                                           .bias = between(0, 1) == 0}));
      if (between(0, 3) != 0) {
        block.norm = register_module(fmt::format("norm{}", i), std::make_shared<nn::BatchNorm2d>(out));
      }
      if (out >= channels && between(0, 1) == 0) block.residual = true;
      if (out > channels || block.stride > 1) block.residual &= out >= channels;
      block.fused = between(0, 1) == 0;
      block.relu = between(0, 2) != 0;
      blocks_.push_back(block);
      channels = out;
      height = (height - 1) / block.stride + 1;
      width = (width - 1) / block.stride + 1;
      if (height % 2 == 0 && width % 2 == 0 && between(0, 3) == 0) {
        blocks_.back().pool = true;
        height /= 2;
        width /= 2;
      }
    }
    flat_ = between(0, 2) == 0;
    fc_ =
        register_module("fc", std::make_shared<nn::Linear>(flat_ ? channels * height * width : channels, 10));
    nn::initialise(*this, seed);
    randomise_norms(*this, seed);
  }
  std::string type_name() const override { return "RandomNetwork"; }

  Tensor forward(const Tensor& images) override {
    Tensor x = images;
    for (const Block& block : blocks_) {
      Tensor y = (*block.conv)(x);
      Tensor shortcut;
      if (block.residual) shortcut = ops::subsample(x, block.stride, y.dim(1));
      if (block.residual && block.stride == 1 && y.dim(1) == x.dim(1)) shortcut = x;
      if (block.norm != nullptr && block.fused) {
        y = block.norm->forward_relu(y, shortcut);
      } else {
        if (block.norm != nullptr) y = (*block.norm)(y);
        if (shortcut.defined()) y = ops::add(y, shortcut);
        if (block.relu) y = ops::relu(y);
      }
      if (block.pool) y = nn::MaxPool2d(ops::Pool2dOptions{.kernel = 2, .stride = 2})(y);
      x = y;
    }
    return (*fc_)(flat_ ? ops::flatten(x) : ops::global_avg_pool(x));
  }

 private:
  struct Block {
    std::shared_ptr<nn::Conv2d> conv;
    std::shared_ptr<nn::BatchNorm2d> norm;
    int stride = 1;
    bool residual = false, fused = false, relu = false, pool = false;
  };

  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }

  std::mt19937 engine_;
  std::vector<Block> blocks_;
  bool flat_ = false;
  std::shared_ptr<nn::Linear> fc_;
};

Shape random_image(std::mt19937& engine) {
  static const Shape shapes[] = {{3, 32, 32}, {3, 16, 16}, {1, 8, 8}, {3, 12, 20}, {4, 9, 11}, {2, 4, 6}};
  return shapes[std::uniform_int_distribution<std::size_t>(0, std::size(shapes) - 1)(engine)];
}

Tensor images_for(const Shape& image, std::int64_t batch, std::uint32_t seed) {
  return random_tensor({batch, image[0], image[1], image[2]}, Layout::plain, seed);
}

}  // namespace

TEST_CASE("a plan's logits are the model's, for random networks, batches and densities") {
  std::mt19937 engine(1);
  constexpr double kDensities[] = {1.0, 0.3, 0.05, 0.0};
  double worst = 0.0;
  for (std::uint32_t seed = 0; seed < 48; ++seed) {
    const Shape image = random_image(engine);
    RandomNetwork model(image, seed);
    const double density = kDensities[seed % 4];
    if (density < 1.0) prune_convolutions(model, density, seed % 8 < 4, seed);
    for (std::int64_t batch : {1, 5, 16, 37}) {
      const Tensor images = images_for(image, batch, seed);
      infer::Plan plan = infer::compile(model, image, {.batch = batch});
      INFO("seed " << seed << " batch " << batch << " image " << image.str() << "\n" << plan.describe());
      const std::vector<float> expected = model_logits(model, images);
      const double error = error_in_epsilons(plan_logits(plan, images), expected);
      worst = std::max(worst, error);
      REQUIRE(error <= kLogitEpsilons);
      REQUIRE(error_in_epsilons(plan_logits(plan, images), expected) <= kLogitEpsilons);  // and again
    }
  }
  MESSAGE("largest error: " << worst << " epsilons");
}

TEST_CASE("a plan whose kernels were measured gives the model's logits too, and tells the times") {
  std::mt19937 engine(3);
  for (std::uint32_t seed = 0; seed < 4; ++seed) {
    const Shape image = random_image(engine);
    RandomNetwork model(image, seed);
    prune_convolutions(model, 0.2, seed % 2 == 0, seed);
    const Tensor images = images_for(image, 2, seed);
    infer::Plan plan = infer::compile(model, image, {.batch = 2, .tune = true});
    INFO("seed " << seed << " image " << image.str() << "\n" << plan.describe());
    CHECK(error_in_epsilons(plan_logits(plan, images), model_logits(model, images)) <= kLogitEpsilons);
    CHECK(plan.describe().find(" us") != std::string::npos);
  }
}

// A lane has a sixteenth of the image: 4x4 pixels are a tile of F(4x4), 2x2 one of F(2x2), and one is too
// few.
TEST_CASE("a single image takes the Winograd tile that its lanes fill") {
  for (const auto& [side, algorithm] : {std::pair{16, "_wino4x4_"}, {8, "_wino2x2_"}, {4, "_direct_"}}) {
    nn::Sequential model({std::make_shared<nn::Conv2d>(64, 64, 3, nn::Conv2d::Options{.padding = 1})});
    nn::initialise(model, 1);
    const Shape image = {64, side, side};
    const Tensor images = images_for(image, 1, 2);
    infer::Plan plan = infer::compile(model, image, {.batch = 1});
    INFO(plan.describe());
    CHECK(plan.executor().kernels().at(0).kernel.find(algorithm) != std::string::npos);
    CHECK(error_in_epsilons(plan_logits(plan, images), model_logits(model, images)) <= kLogitEpsilons);
  }
}

TEST_CASE("the bits of a plan do not depend on the number of threads") {
  std::mt19937 engine(2);
  for (std::uint32_t seed = 0; seed < 6; ++seed) {
    const Shape image = random_image(engine);
    RandomNetwork model(image, seed);
    for (std::int64_t batch : {1, 20}) {
      const Tensor images = images_for(image, batch, seed);
      const int before = kernels::num_threads();
      std::vector<float> one;
      for (int threads = 1; threads <= 4; ++threads) {
        kernels::set_num_threads(threads);
        infer::Plan plan = infer::compile(model, image, {.batch = batch});
        const std::vector<float> logits = plan_logits(plan, images);
        if (threads == 1) one = logits;
        CHECK(logits == one);
      }
      kernels::set_num_threads(before);
    }
  }
}

TEST_CASE("a plan refuses wrong sizes, and more threads than it has scratch for") {
  RandomNetwork model({3, 16, 16}, 3);
  infer::Plan plan = infer::compile(model, {3, 16, 16}, {.batch = 2});
  std::vector<float> images(2 * 3 * 16 * 16), logits(20);
  CHECK_THROWS_WITH_AS(plan.run({images.data(), images.size() - 1}, logits),
                       doctest::Contains("images expects"), Error);
  CHECK_THROWS_WITH_AS(plan.run(images, {logits.data(), 10}), doctest::Contains("logits expects"), Error);
  CHECK_THROWS_WITH_AS(infer::compile(model, {3, 16, 16}, {.batch = 0}), doctest::Contains("batch"), Error);
  const int before = kernels::num_threads();
  kernels::set_num_threads(before + 1);
  CHECK_THROWS_WITH_AS(plan.run(images, logits), doctest::Contains("threads"), Error);
  kernels::set_num_threads(before);
  plan.run(images, logits);
}

TEST_CASE("an operation that inference does not know is refused by name") {
  struct Strange : nn::Module {
    Tensor forward(const Tensor& x) override { return ops::exp(ops::global_avg_pool(x)); }
    std::string type_name() const override { return "Strange"; }
  } model;
  CHECK_THROWS_WITH_AS(infer::compile(model, {3, 8, 8}), doctest::Contains("operation 'exp'"), Error);
}
