#include <doctest/doctest.h>

#include <map>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/summary.h"
#include "models/fit_width.h"
#include "models/registry.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

using namespace espalier;

namespace {

std::shared_ptr<nn::Module> build(const std::string& name, std::int64_t width,
                                  const Shape& image = {3, 32, 32}, std::int64_t classes = 10,
                                  std::uint64_t seed = 1) {
  const auto spec = models::model_registry().make(name);
  testing::SetFields fields;
  fields.numbers["width"] = static_cast<double>(width);
  // The transformers' size, with `width` features a head.
  fields.numbers["heads"] = 4;
  fields.numbers["dim"] = static_cast<double>(4 * width);
  fields.numbers["depth"] = 2;
  spec->fields(fields);
  return spec->build(image, classes, seed);
}

}  // namespace

TEST_CASE("every model maps images of any batch to logits, at any width") {
  const NoGrad off;
  for (const std::string& name : models::model_registry().names()) {
    if (name == "resnet110") continue;  // more of resnet56
    CAPTURE(name);
    const auto model = build(name, 3, {1, 32, 32}, 7);
    model->eval();
    const Tensor logits = (*model)(testing::random_tensor({5, 1, 32, 32}, Layout::lanes, 1));
    CHECK(logits.shape() == Shape{5, 7});
    for (float value : logits.to_vector()) REQUIRE(std::isfinite(value));
  }
}

TEST_CASE("models take images that are larger than 32x32 and not square") {
  const NoGrad off;
  for (const std::string name : {"resnet20", "vgg11"}) {
    const auto model = build(name, 4, {3, 48, 40});
    model->eval();
    CHECK((*model)(testing::random_tensor({1, 3, 48, 40}, Layout::lanes, 1)).shape() == Shape{1, 10});
  }
  CHECK_THROWS_WITH_AS(build("vgg11", 4, {3, 28, 28}), doctest::Contains("at least 32x32, got [3, 28, 28]"),
                       Error);
}

TEST_CASE("the same seed gives the same weights") {
  const auto a = build("resnet20", 4), b = build("resnet20", 4), c = build("resnet20", 4, {3, 32, 32}, 10, 2);
  CHECK(a->parameters()[0]->value.to_vector() == b->parameters()[0]->value.to_vector());
  CHECK(a->parameters()[0]->value.to_vector() != c->parameters()[0]->value.to_vector());
}

TEST_CASE("multiply-accumulates are those of the literature") {
  // ResNet-18 for 32x32 images: 0.56 G; ResNet-20 of He et al.: 40.6 M of convolutions plus the linear layer.
  const auto resnet18 = models::model_registry().make("resnet18")->build({3, 32, 32}, 10, 1);
  CHECK(nn::summary(*resnet18, {3, 32, 32}).total.macs == 555422720);
  const auto resnet20 = models::model_registry().make("resnet20")->build({3, 32, 32}, 10, 1);
  CHECK(nn::summary(*resnet20, {3, 32, 32}).total.macs == 40551040);
}

TEST_CASE("a budget builds the widest model that fits: one channel more would not") {
  for (const char* name : {"resnet20", "vgg11"}) {
    for (const char* of : {"parameters", "macs"}) {
      CAPTURE(name);
      CAPTURE(of);
      const auto spec = models::model_registry().make(name);
      testing::SetFields fields;
      fields.numbers["width"] = 24.0;
      spec->fields(fields);
      const auto cost = [&](nn::Module& model) {
        const nn::LayerSummary total = nn::summary(model, {3, 32, 32}).total;
        return static_cast<double>(std::string(of) == "macs" ? total.macs : total.parameters);
      };
      const double whole = cost(*spec->build({3, 32, 32}, 10, 1));
      const std::int64_t width = models::width_within(*spec, {of, 0.3}, {3, 32, 32}, 10);
      const auto within = models::build_at_width(*spec, width, {3, 32, 32}, 10, 1);
      CHECK(within->parameters()[0]->value.dim(0) == width);
      CHECK(cost(*within) <= 0.3 * whole);
      CHECK(cost(*build(name, width + 1)) > 0.3 * whole);
      CHECK(cost(*spec->build({3, 32, 32}, 10, 1)) == whole);  // the spec is as it was
      CHECK(models::width_within(*spec, {of, 1.0}, {3, 32, 32}, 10) == 24);
      CHECK_THROWS_WITH_AS(models::width_within(*spec, {of, 1e-6}, {3, 32, 32}, 10),
                           doctest::Contains("width 1 has more"), Error);
    }
  }
}

TEST_CASE("a transformer within a budget has a dim that its heads share and its positions take") {
  for (const std::string name : {"vit", "cct"}) {
    CAPTURE(name);
    const std::int64_t step = name == "vit" ? 12 : 4;  // three heads, four heads
    const auto spec = models::model_registry().make(name);
    testing::SetFields sines;
    sines.texts["positions"] = "sine";
    spec->fields(sines);
    const auto macs = [](nn::Module& model) { return nn::summary(model, {3, 32, 32}).total.macs; };
    const auto whole = spec->build({3, 32, 32}, 10, 1);
    const std::int64_t dim = models::width_within(*spec, {"macs", 0.5}, {3, 32, 32}, 10);
    CHECK(dim % step == 0);
    const auto within = models::build_at_width(*spec, dim, {3, 32, 32}, 10, 1);
    const auto wider = models::build_at_width(*spec, dim + step, {3, 32, 32}, 10, 1);
    CHECK(macs(*within) <= macs(*whole) / 2);
    CHECK(macs(*wider) > macs(*whole) / 2);
  }
}
