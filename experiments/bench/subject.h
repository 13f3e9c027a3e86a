// The model that a benchmark runs, and images for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/nn/module.h"

namespace espalier::bench {

struct Subject {
  std::shared_ptr<nn::Module> model;
  Shape image = {3, 32, 32};
  std::int64_t classes = 10;
};

// A model of the registry with some of its keys changed ("dim=128"), or, unless `checkpoint` is empty, that
// of a checkpoint or run. Throws Error (usage) when no model has that name, or it has not such a key;
// (integrity) when it is no checkpoint.
Subject find_subject(const std::string& model, const std::vector<std::string>& overrides,
                     const std::string& checkpoint);

// Plain [batch, C, H, W] of normal random values, the same at every call.
Tensor random_images(std::int64_t batch, const Shape& image);

}  // namespace espalier::bench
