// Smaller networks of the same architecture. Modules take their widths from their parameters, so a model
// becomes narrower when these and its buffers are replaced by smaller ones that fit each other. It becomes
// shallower when residual branches are dropped.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/nn/module.h"

namespace espalier::nn {

// Gives it another value, whose shape may differ; gradient, mask and dormant weights are gone. An optimizer
// or average that was made before belongs to the old one.
void replace_(Parameter& parameter, Tensor value);
void replace_(Buffer& buffer, Tensor value);

// The shapes, by name, of parameters and buffers that differ from those that the model was built with.
std::map<std::string, Shape> resized_shapes(Module& model);

// Gives the named parameters and buffers tensors of zeros of these shapes. Throws Error (integrity) when the
// model has none of that name, or a shape is not within the present one; then nothing was changed.
void resize_(Module& model, const std::map<std::string, Shape>& shapes);

// Does without the residual branch of that path, as the module that adds it names it (Module::drop_branch);
// an optimizer or average that was made before belongs to the old model. False when no module can.
bool drop_branch_(Module& model, const std::string& path);

// The branches that the model does without.
std::vector<std::string> dropped_branches(Module& model);

}  // namespace espalier::nn
