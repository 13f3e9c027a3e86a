// The model that a benchmark runs, and images for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/nn/module.h"

namespace espalier::bench {

// Which model.
struct SubjectOptions {
  std::string model = "resnet18";           // a name in the model registry
  std::vector<std::string> overrides = {};  // of the model's keys: "dim=128"
  std::string checkpoint = {};              // or, unless empty, a checkpoint or run whose model it is to be

  // What reports call it: "vit dim=128", or the checkpoint.
  std::string name() const;
};

struct Subject {
  std::shared_ptr<nn::Module> model;
  Shape image = {3, 32, 32};
  std::int64_t classes = 10;
};

// Throws Error (usage) when no model has that name, or it has not such a key; (integrity) when it is no
// checkpoint.
Subject find_subject(const SubjectOptions& options);

// Plain [batch, C, H, W] of normal random values, the same at every call.
Tensor random_images(std::int64_t batch, const Shape& image);

}  // namespace espalier::bench
