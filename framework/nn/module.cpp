#include "framework/nn/module.h"

#include <map>

#include "framework/autograd/node.h"
#include "framework/core/error.h"

namespace espalier::nn {
namespace {

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

}  // namespace

Module::Module() : path_(std::make_shared<const std::string>()) {}

Tensor Module::operator()(const Tensor& x) {
  const LayerScope scope(path_);
  return forward(x);
}

std::vector<Module*> Module::modules() {
  std::vector<Module*> all = {this};
  for (const Child& child : children_) {
    const std::vector<Module*> below = child.module->modules();
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

std::vector<Parameter*> Module::parameters() {
  std::vector<Parameter*> all;
  for (Module* module : modules()) {
    for (auto& [name, parameter] : module->parameters_) all.push_back(parameter.get());
  }
  return all;
}

std::vector<Buffer*> Module::buffers() {
  std::vector<Buffer*> all;
  for (Module* module : modules()) {
    for (auto& [name, buffer] : module->buffers_) all.push_back(buffer.get());
  }
  return all;
}

std::int64_t Module::parameter_count() {
  std::int64_t count = 0;
  for (const Parameter* parameter : parameters()) count += parameter->value.numel();
  return count;
}

std::vector<std::pair<std::string, Tensor>> Module::state_dict() {
  std::vector<std::pair<std::string, Tensor>> state;
  for (Module* module : modules()) {
    for (auto& [name, parameter] : module->parameters_)
      state.emplace_back(parameter->name, parameter->value.detach());
    for (auto& [name, buffer] : module->buffers_) state.emplace_back(buffer->name, buffer->value);
  }
  return state;
}

void Module::load_state_dict(const std::vector<std::pair<std::string, Tensor>>& state) {
  std::map<std::string, const Tensor*> given;
  for (const auto& [name, tensor] : state) given[name] = &tensor;
  std::vector<std::pair<std::string, Tensor>> own = state_dict();
  std::string problems;
  for (const auto& [name, tensor] : own) {
    const auto found = given.find(name);
    if (found == given.end()) {
      problems += fmt::format("\n  missing: {} {}", name, tensor.shape().str());
    } else if (found->second->shape() != tensor.shape() || found->second->dtype() != tensor.dtype()) {
      problems +=
          fmt::format("\n  {}: expected {} {}, got {} {}", name, dtype_name(tensor.dtype()),
                      tensor.shape().str(), dtype_name(found->second->dtype()), found->second->shape().str());
    }
    given.erase(name);
  }
  for (const auto& [name, tensor] : given)
    problems += fmt::format("\n  unexpected: {} {}", name, tensor->shape().str());
  if (!problems.empty()) {
    fail(ErrorKind::integrity, "load_state_dict", "the state does not fit the model:{}", problems);
  }
  for (const auto& [name, tensor] : state) given[name] = &tensor;
  for (auto& [name, tensor] : own) tensor.copy_(*given.at(name));
}

void Module::train(bool on) {
  for (Module* module : modules()) module->training_ = on;
}

void Module::zero_grad() {
  for (Parameter* parameter : parameters()) parameter->value.set_grad({});
}

Parameter& Module::register_parameter(std::string name, Tensor value, ParameterKind kind) {
  auto parameter = std::make_unique<Parameter>();
  parameter->name = join(*path_, name);
  parameter->kind = kind;
  parameter->value = std::move(value);
  parameter->value.set_requires_grad();
  parameters_.emplace_back(std::move(name), std::move(parameter));
  return *parameters_.back().second;
}

Buffer& Module::register_buffer(std::string name, Tensor value) {
  auto buffer = std::make_unique<Buffer>(Buffer{join(*path_, name), std::move(value)});
  buffers_.emplace_back(std::move(name), std::move(buffer));
  return *buffers_.back().second;
}

void Module::adopt(std::string name, std::shared_ptr<Module> child) {
  child->set_path(join(*path_, name));
  children_.push_back({std::move(name), std::move(child)});
}

void Module::set_path(const std::string& path) {
  path_ = std::make_shared<const std::string>(path);
  for (auto& [name, parameter] : parameters_) parameter->name = join(path, name);
  for (auto& [name, buffer] : buffers_) buffer->name = join(path, name);
  for (const Child& child : children_) child.module->set_path(join(path, child.name));
}

}  // namespace espalier::nn
