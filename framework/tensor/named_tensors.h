// Tensors by name: state dicts, optimizer state, averages; what a checkpoint is made of.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// Copies every tensor of `source` into the one of that name in `target`, whose storage stays. Throws Error
// (integrity), headed by `where`, naming every missing, unexpected, repeated or misshapen entry; then nothing
// was copied.
void copy_named(const NamedTensors& source, NamedTensors target, std::string_view where);

}  // namespace espalier
