#include "framework/nn/resize.h"

#include "framework/core/error.h"

namespace espalier::nn {
namespace {

bool within(const Shape& small, const Shape& large) {
  if (small.rank() != large.rank()) return false;
  for (int d = 0; d < small.rank(); ++d) {
    if (small[d] < 1 || small[d] > large[d]) return false;
  }
  return true;
}

}  // namespace

void replace_(Parameter& parameter, Tensor value) {
  parameter.resized |= !(value.shape() == parameter.value.shape());
  parameter.value = std::move(value);
  parameter.value.set_requires_grad();
  parameter.mask = {};
  parameter.kept = {};
  parameter.dormant = {};
}

void replace_(Buffer& buffer, Tensor value) {
  buffer.resized |= !(value.shape() == buffer.value.shape());
  buffer.value = std::move(value);
}

std::map<std::string, Shape> resized_shapes(Module& model) {
  std::map<std::string, Shape> shapes;
  for (const Parameter* parameter : model.parameters()) {
    if (parameter->resized) shapes[parameter->name] = parameter->value.shape();
  }
  for (const Buffer* buffer : model.buffers()) {
    if (buffer->resized) shapes[buffer->name] = buffer->value.shape();
  }
  return shapes;
}

void resize_(Module& model, const std::map<std::string, Shape>& shapes) {
  std::map<std::string, Shape> present;
  for (const auto& [name, tensor] : model.state_dict()) present[name] = tensor.shape();
  for (const auto& [name, shape] : shapes) {
    const auto found = present.find(name);
    if (found == present.end())
      fail(ErrorKind::integrity, "resize", "there is a shape for {}, which the model lacks", name);
    if (!within(shape, found->second)) {
      fail(ErrorKind::integrity, "resize", "{} has shape {}, which cannot become {}", name,
           found->second.str(), shape.str());
    }
  }
  const auto resize = [&](auto* entry) {
    const auto wanted = shapes.find(entry->name);
    if (wanted != shapes.end() && !(wanted->second == entry->value.shape()))
      replace_(*entry, Tensor::zeros(wanted->second));
  };
  for (Parameter* parameter : model.parameters()) resize(parameter);
  for (Buffer* buffer : model.buffers()) resize(buffer);
}

bool drop_branch_(Module& model, const std::string& path) {
  for (Module* module : model.modules()) {
    if (module->drop_branch(path)) return true;
  }
  return false;
}

std::vector<std::string> dropped_branches(Module& model) {
  std::vector<std::string> all;
  for (const Module* module : model.modules()) {
    const std::vector<std::string> dropped = module->dropped_branches();
    all.insert(all.end(), dropped.begin(), dropped.end());
  }
  return all;
}

}  // namespace espalier::nn
