#include "experiments/views.h"

#include <doctest/doctest.h>

#include "experiments/about.h"
#include "experiments/runner.h"
#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/tensor/lanes.h"
#include "tests/experiments/quiet.h"
#include "tests/support/gradient_check.h"
#include "tests/support/temporary_directory.h"

using namespace espalier;
using testing::random_tensor;

namespace {

// Sees where things are: a kernel as large as the image.
class Linear2d : public nn::Module {
 public:
  explicit Linear2d(std::int64_t side)
      : conv_(register_module("conv", std::make_shared<nn::Conv2d>(2, 3, side))) {}
  Tensor forward(const Tensor& x) override { return ops::global_avg_pool((*conv_)(x)); }
  std::string type_name() const override { return "Linear2d"; }

 private:
  std::shared_ptr<nn::Conv2d> conv_;
};

}  // namespace

TEST_CASE("a view is the image moved, its edge reflected, then mirrored") {
  Tensor image = Tensor::empty({1, 1, 3, 3});
  for (int i = 0; i < 9; ++i) image.data()[i] = static_cast<float>(i);  // 0 1 2 / 3 4 5 / 6 7 8
  const Tensor lanes = to_lanes(image);
  const auto seen = [&](const View& view) {
    const std::vector<float> pixels = view_of(lanes, view).to_vector();
    CHECK(view_of(converted(lanes, DType::bf16), view).to_vector() == pixels);
    return pixels;
  };
  CHECK(seen({}) == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(seen({.mirrored = true}) == std::vector<float>{2, 1, 0, 5, 4, 3, 8, 7, 6});
  CHECK(seen({.down = 1, .right = 1}) == std::vector<float>{4, 3, 4, 1, 0, 1, 4, 3, 4});
  CHECK(seen({.down = -1, .right = -1}) == std::vector<float>{4, 5, 4, 7, 8, 7, 4, 5, 4});
  CHECK(seen({.down = -1, .right = -1, .mirrored = true}) == std::vector<float>{4, 5, 4, 7, 8, 7, 4, 5, 4});
  CHECK_THROWS_AS(view_of(lanes, {.down = 3}), Error);
  CHECK_THROWS_AS(views_from("two"), Error);
}

TEST_CASE("the weights of every choice of views sum to 1, and a mirrored image is judged alike") {
  const NoGrad off;
  const Tensor images = to_lanes(random_tensor({17, 2, 6, 6}, Layout::plain, 1));
  Linear2d model(6);
  nn::Module& judge = model;
  for (const std::string& name : view_choices()) {
    CAPTURE(name);
    const std::vector<View> views = views_from(name);
    float total = 0.0f;
    for (const View& view : views) total += view.weight;
    CHECK(total == 1.0f);
    std::vector<double> expected(17 * 3, 0.0);
    for (const View& view : views) {
      const std::vector<float> logits = from_lanes(judge(view_of(images, view))).to_vector();
      for (std::size_t i = 0; i < logits.size(); ++i) expected[i] += double{view.weight} * logits[i];
    }
    const std::vector<float> logits = from_lanes(predict_over_views(judge, images, views)).to_vector();
    for (std::size_t i = 0; i < logits.size(); ++i)
      CHECK(double{logits[i]} == doctest::Approx(expected[i]).epsilon(1e-5).scale(1));
  }
  const std::vector<View> both = views_from("mirrored");
  const std::vector<float> one = predict_over_views(judge, images, both).to_vector();
  const std::vector<float> other =
      predict_over_views(judge, view_of(images, {.mirrored = true}), both).to_vector();
  for (std::size_t i = 0; i < one.size(); ++i)
    CHECK(one[i] == doctest::Approx(other[i]).epsilon(1e-5).scale(1));
}

TEST_CASE("a run measures over the views that its config asks for, and says so") {
  const auto run = [](const char* views) {
    const testing::TemporaryDirectory directory;
    testing::Quiet quiet;
    ExperimentConfig config = read_experiment(parse_config_text(R"(
model = { kind = "resnet20", width = 2 }
data = { kind = "synthetic", train_images = 16, test_images = 16 }
batch = 16
[[stage]]
epochs = 1
)",
                                                                "test.toml"),
                                              {std::string("evaluate.views=") + views});
    return run_experiment(config, directory.path() / "run", quiet.reporter);
  };
  const nlohmann::ordered_json one = run("one"), shifted = run("shifted");
  CHECK_FALSE(one.contains("views"));
  CHECK(shifted["views"] == "shifted");
  CHECK(one["weights_sha256"] == shifted["weights_sha256"]);
  CHECK(one["stages"][0]["test_loss"] != shifted["stages"][0]["test_loss"]);
}

TEST_CASE("a run measures its whitening layer on the training images before the first step") {
  const testing::TemporaryDirectory directory;
  testing::Quiet quiet;
  ExperimentConfig config = read_experiment(parse_config_text(R"(
model = { kind = "airbench", width = 4 }
data = { kind = "synthetic", train_images = 16, test_images = 16 }
batch = 16
[[stage]]
epochs = 1
)",
                                                              "test.toml"));
  run_experiment(config, directory.path() / "run", quiet.reporter);
  const SavedModel saved = load_model(directory.path() / "run" / "0-train" / "checkpoint");
  bool found = false;
  for (const auto& [name, value] : saved.model->state_dict()) {
    if (name != "whitening.weight") continue;
    found = true;
    CHECK(value.to_vector()[0] != 0.0f);
  }
  CHECK(found);
}
