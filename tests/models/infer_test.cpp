#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/nn/resize.h"
#include "models/registry.h"
#include "tests/framework/infer/infer_support.h"

namespace espalier {
namespace {

using namespace testing;

std::shared_ptr<nn::Module> build(const char* name) {
  auto model = models::model_registry().make(name)->build({3, 32, 32}, 10, 1);
  randomise_norms(*model, 1);
  return model;
}

double plan_error(nn::Module& model, std::int64_t batch) {
  const Tensor images = random_tensor({batch, 3, 32, 32}, Layout::plain, 1);
  infer::Plan plan = infer::compile(model, {3, 32, 32}, {.batch = batch});
  return error_in_epsilons(plan_logits(plan, images), model_logits(model, images));
}

}  // namespace

TEST_CASE("ResNets and VGGs compile to plans with their logits") {
  for (const char* name : {"resnet20", "resnet18", "vgg16"}) {
    CAPTURE(name);
    CHECK(plan_error(*build(name), 1) <= kLogitEpsilons);
  }
  const auto small = build("resnet20");
  CHECK(plan_error(*small, 17) <= kLogitEpsilons);
  prune_convolutions(*small, 0.05, false, 2);
  CHECK(plan_error(*small, 1) <= kLogitEpsilons);
}

TEST_CASE("a model is refused by the operation that inference does not know") {
  for (const char* name : {"vit", "cct", "airbench"}) {
    CAPTURE(name);
    const auto model = models::model_registry().make(name)->build({3, 32, 32}, 10, 1);
    CHECK_THROWS_WITH_AS(infer::compile(*model, {3, 32, 32}), doctest::Contains("[infer]"), Error);
  }
}

}  // namespace espalier
