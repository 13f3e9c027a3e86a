#include <doctest/doctest.h>

#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/dropout.h"
#include "framework/nn/summary.h"
#include "framework/ops/cross_entropy.h"
#include "framework/optim/adamw.h"
#include "framework/tensor/lanes.h"
#include "kernels/base/parallel.h"
#include "models/registry.h"
#include "tests/support/gradient_check.h"
#include "tests/support/keep_largest.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using testing::random_tensor;

namespace {

testing::SetFields small_fields() {
  testing::SetFields fields;
  fields.numbers = {{"dim", 12}, {"depth", 2}, {"heads", 3}};
  return fields;
}

std::shared_ptr<nn::Module> build(const std::string& name, testing::SetFields fields,
                                  const Shape& image = {3, 32, 32}) {
  const auto spec = models::model_registry().make(name);
  spec->fields(fields);
  return spec->build(image, 10, 1);
}

Tensor some_labels(std::int64_t count) {
  Tensor labels = Tensor::empty({count}, Layout::plain, DType::i32);
  for (std::int64_t i = 0; i < count; ++i) labels.data<std::int32_t>()[i] = static_cast<std::int32_t>(i % 10);
  return labels;
}

const std::string kNames[] = {"vit", "cct"};

}  // namespace

TEST_CASE("the transformers' sizes are the literature's") {
  // A block of ViT: 4 dim^2 of attention, 2 * mlp_ratio dim^2 of MLP, their biases and two norms.
  const auto vit = [](std::int64_t dim, std::int64_t depth, std::int64_t patch) {
    const std::int64_t tokens = (32 / patch) * (32 / patch);
    const std::int64_t block = 4 * dim * dim + 4 * dim + 8 * dim * dim + 5 * dim + 4 * dim;
    return depth * block + (3 * patch * patch + 1) * dim + dim + (tokens + 1) * dim + 2 * dim + 10 * dim + 10;
  };
  CHECK(build("vit", {})->parameter_count() == vit(192, 9, 4));
  CHECK(build("vit", {})->parameter_count() == 4028170);
  testing::SetFields fields = small_fields();
  fields.numbers["patch"] = 8;
  CHECK(build("vit", fields)->parameter_count() == vit(12, 2, 8));
  CHECK(build("cct", {})->parameter_count() == 3760139);  // "3.76 M" for CCT-7/3x1
}

TEST_CASE("the transformers' multiply-accumulates are those of weights per token and of token pairs") {
  const auto vit = build("vit", {});
  const std::int64_t tokens = 65, dim = 192;
  CHECK(nn::summary(*vit, {3, 32, 32}).total.macs ==
        64 * 48 * dim + 9 * (tokens * 12 * dim * dim + 2 * tokens * tokens * dim) + 10 * dim);
  const auto cct = build("cct", {});
  // 256 tokens of 256 features; the convolution gives 32x32 pixels. The paper's 1.19 G counts both
  // operations.
  CHECK(nn::summary(*cct, {3, 32, 32}).total.macs ==
        1024 * 27 * 256 + 7 * (256 * 8 * 256 * 256 + 2 * 256 * 256 * 256) + 2 * 256 * 256 + 2560);
}

TEST_CASE("evaluation drops nothing, and steps decide what training drops") {
  for (const std::string& name : kNames) {
    CAPTURE(name);
    testing::SetFields fields = small_fields();
    const auto plain = build(name, fields);
    fields.numbers["dropout"] = 0.3;
    fields.numbers["stochastic_depth"] = 0.3;
    const auto model = build(name, fields);
    const NoGrad off;
    const Tensor x = random_tensor({18, 3, 32, 32}, Layout::lanes, 1);
    const auto run = [&](std::int64_t step) {
      nn::start_dropout_step(*model, 1, step);
      return (*model)(x).to_vector();
    };
    const std::vector<float> first = run(0);
    CHECK(run(1) != first);
    CHECK(run(0) == first);
    model->eval();
    CHECK((*model)(x).to_vector() == (*plain)(x).to_vector());
    CHECK(run(0) == run(1));
  }
}

TEST_CASE("GELU by tanh reaches the blocks, and hardly changes what they compute") {
  const NoGrad off;
  for (const std::string& name : kNames) {
    CAPTURE(name);
    testing::SetFields fields = small_fields();
    const auto logits = [&](const char* formula) {
      fields.texts["gelu"] = formula;
      const auto model = build(name, fields);
      // Near zero, where small weights keep the neurons, the formulas agree.
      for (nn::Parameter* parameter : model->parameters()) {
        if (!parameter->name.ends_with("mlp.fc1.weight")) continue;
        float* weights = parameter->value.data();
        for (std::int64_t i = 0; i < parameter->value.numel(); ++i) weights[i] *= 50.0f;
      }
      return (*model)(random_tensor({3, 3, 32, 32}, Layout::lanes, 1)).to_vector();
    };
    const std::vector<float> exact = logits("erf"), approximate = logits("tanh");
    CHECK(approximate != exact);
    double largest = 0.0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      testing::keep_largest(largest, std::abs(double{approximate[i]} - double{exact[i]}));
    }
    CHECK(largest < 1e-3);  // the formulas differ by less than 5e-4
  }
}

TEST_CASE("an image's logits do not depend on the batch it comes in") {
  const NoGrad off;
  for (const std::string& name : kNames) {
    CAPTURE(name);
    const auto model = build(name, small_fields());
    model->eval();
    const std::vector<float> pixels = random_tensor({21, 3, 32, 32}, Layout::plain, 1).to_vector();
    const auto logits = [&](std::int64_t n) {
      const Tensor images = Tensor::from({pixels.begin(), pixels.begin() + n * 3072}, {n, 3, 32, 32});
      return (*model)(to_lanes(images)).to_vector();
    };
    const std::vector<float> all = logits(21);
    for (std::int64_t n : {1, 5, 16, 17}) {
      CHECK(logits(n) == std::vector<float>(all.begin(), all.begin() + n * 10));
    }
  }
}

TEST_CASE("training the transformers gives the same bits for any number of threads") {
  for (const std::string& name : kNames) {
    CAPTURE(name);
    testing::SetFields fields = small_fields();
    fields.numbers["dropout"] = 0.1;
    fields.numbers["stochastic_depth"] = 0.1;
    const auto losses = [&](int threads) {
      kernels::set_num_threads(threads);
      const auto model = build(name, fields);
      optim::AdamW optimizer(model->parameters(), optim::adamw_defaults());
      const Tensor x = random_tensor({21, 3, 32, 32}, Layout::lanes, 1);
      std::vector<float> values;
      for (std::int64_t step = 0; step < 3; ++step) {
        nn::start_dropout_step(*model, 1, step);
        const Tensor loss = ops::cross_entropy((*model)(x), some_labels(21));
        loss.backward();
        optimizer.step();
        optimizer.zero_grad();
        values.push_back(loss.item());
      }
      return values;
    };
    const int before = kernels::num_threads();
    const std::vector<float> one = losses(1);
    CHECK(one[2] != one[0]);
    for (int threads : {2, 3, 4}) CHECK(losses(threads) == one);
    kernels::set_num_threads(before);
  }
}

TEST_CASE("the transformers start as their authors' code does") {
  const auto deviation = [](nn::Module& model, const std::string& name) {
    double squares = 0.0;
    for (nn::Parameter* parameter : model.parameters()) {
      if (parameter->name != name) continue;
      for (float v : parameter->value.to_vector()) squares += double{v} * double{v};
      return std::sqrt(squares / static_cast<double>(parameter->value.numel()));
    }
    FAIL("no parameter ", name);
    return 0.0;
  };
  const auto vit = build("vit", {}), cct = build("cct", {});
  CHECK(deviation(*vit, "blocks.8.attn.qkv.weight") == doctest::Approx(0.02).epsilon(0.02));
  CHECK(deviation(*vit, "pos_embed") == doctest::Approx(0.02).epsilon(0.05));
  CHECK(deviation(*vit, "blocks.0.mlp.fc1.bias") == 0.0);
  CHECK(deviation(*cct, "classifier.fc.weight") == doctest::Approx(0.02).epsilon(0.1));
  CHECK(deviation(*cct, "classifier.positional_emb") == doctest::Approx(0.2).epsilon(0.05));
  CHECK(deviation(*cct, "tokenizer.conv_layers.0.0.weight") ==
        doctest::Approx(std::sqrt(2.0 / 27.0)).epsilon(0.05));
}

TEST_CASE("the transformers say what does not fit") {
  testing::SetFields fields = small_fields();
  CHECK_THROWS_WITH_AS(build("vit", fields, {3, 30, 32}),
                       "[vit] patches of 4x4 expect images [C, H, W] of a multiple of that, got [3, 30, 32]",
                       Error);
  fields.numbers["heads"] = 5;
  CHECK_THROWS_WITH_AS(build("vit", fields), doctest::Contains("a number that divides 12, got 5 heads"),
                       Error);
  fields = small_fields();
  fields.numbers["conv_kernel"] = 31;
  fields.numbers["conv_layers"] = 3;
  CHECK(build("cct", fields)->parameter_count() > 0);
  CHECK_THROWS_WITH_AS(build("cct", fields, {3, 0, 32}), doctest::Contains("leave nothing of images"), Error);
  testing::SetFields sines;
  sines.numbers = {{"dim", 90}, {"depth", 1}, {"heads", 3}};
  CHECK(build("vit", sines)->parameter_count() > 0);
  sines.texts["positions"] = "sine";
  CHECK_THROWS_WITH_AS(build("vit", sines),
                       "[vit] sine positions expect a dim that 4 divides, got 90; with 3 heads take 96, or "
                       "learned positions",
                       Error);
  CHECK(build("cct", sines)->parameter_count() > 0);
  const auto exit_code = [](const testing::SetFields& wrong, const Shape& image) {
    try {
      build("vit", wrong, image);
      return 0;
    } catch (const Error& error) { return error.exit_code(); }
  };
  CHECK(exit_code(small_fields(), {3, 30, 32}) == 2);  // the config's fault
  CHECK(exit_code(sines, {3, 32, 32}) == 2);
}
