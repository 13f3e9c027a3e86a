// Models by name, for configs.
//
//   auto spec = models::model_registry().make("resnet20");   // then fields() reads its width
//   std::shared_ptr<nn::Module> model = spec->build({3, 32, 32}, 10, seed);
#pragma once

#include <cstdint>
#include <memory>

#include "framework/core/fields.h"
#include "framework/core/registry.h"
#include "framework/nn/init.h"
#include "framework/nn/module.h"

namespace espalier::models {

// A model's settings before its input and output are known.
class ModelSpec {
 public:
  virtual ~ModelSpec() = default;
  virtual void fields(FieldVisitor& v) = 0;
  // Maps images [N, C, H, W] in lanes to logits [N, classes] in lanes. `image` is [C, H, W]. Initial weights
  // are a function of the seed and their names.
  virtual std::shared_ptr<nn::Module> build(const Shape& image, std::int64_t classes,
                                            std::uint64_t seed) const = 0;
};

// The spec of a module that is made from Settings, with fields() of their own, the image and the classes.
template <class Model, class Settings>
class SpecOf : public ModelSpec {
 public:
  void fields(FieldVisitor& v) override { settings_.fields(v); }
  std::shared_ptr<nn::Module> build(const Shape& image, std::int64_t classes,
                                    std::uint64_t seed) const override {
    auto model = std::make_shared<Model>(settings_, image, classes);
    nn::initialise(*model, seed);
    return model;
  }

 private:
  Settings settings_;
};

// resnet18, resnet34, resnet20, resnet32, resnet56, resnet110, vgg11, vgg13, vgg16, vgg19, vit, cct, airbench
const Registry<ModelSpec>& model_registry();

}  // namespace espalier::models
