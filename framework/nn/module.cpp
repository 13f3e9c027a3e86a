#include "framework/nn/module.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"

namespace espalier::nn {
namespace {

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

thread_local CallObserver* current_observer = nullptr;

}  // namespace

CallObserver::CallObserver() : before_(current_observer) { current_observer = this; }

CallObserver::~CallObserver() { current_observer = before_; }

Module::Module() : path_(std::make_shared<const std::string>()) {}

// Who still holds a child may give it another place.
Module::~Module() {
  for (const Child& child : children_) child.module->registered_ = false;
}

Tensor Module::operator()(const Tensor& x) {
  return call(x, [&] { return forward(x); });
}

Tensor Module::call(const Tensor& x, const std::function<Tensor()>& compute) {
  const LayerScope scope(path_);
  Tensor y = compute();
  if (current_observer != nullptr) current_observer->called(*this, x, y);
  return y;
}

std::vector<Module*> Module::modules() {
  std::vector<Module*> all = {this};
  for (const Child& child : children_) {
    const std::vector<Module*> below = child.module->modules();
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

std::vector<Parameter*> Module::own_parameters() {
  std::vector<Parameter*> own;
  for (auto& [name, parameter] : parameters_) own.push_back(parameter.get());
  return own;
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

NamedTensors Module::state_dict() {
  NamedTensors state;
  for (Module* module : modules()) {
    for (auto& [name, parameter] : module->parameters_)
      state.emplace_back(parameter->name, parameter->value.detach());
    for (auto& [name, buffer] : module->buffers_) state.emplace_back(buffer->name, buffer->value);
  }
  return state;
}

void Module::load_state_dict(const NamedTensors& state) {
  copy_named(state, state_dict(), "load_state_dict");
}

void Module::train(bool on) {
  for (Module* module : modules()) module->training_ = on;
}

void Module::zero_grad() {
  for (Parameter* parameter : parameters()) parameter->zero_grad();
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
  auto buffer = std::make_unique<Buffer>(Buffer{join(*path_, name), std::move(value), false});
  buffers_.emplace_back(std::move(name), std::move(buffer));
  return *buffers_.back().second;
}

void Module::adopt(std::string name, std::shared_ptr<Module> child) {
  const std::string path = join(*path_, name);
  check(child != nullptr, "register_module", "'{}' is a null module", path);
  check(!child->registered_, "register_module",
        "'{}' is a {} that is registered as '{}' already; to share its weights, register it once and call it "
        "twice",
        path, child->type_name(), child->path());
  child->registered_ = true;
  child->set_path(path);
  children_.push_back({std::move(name), std::move(child)});
}

void Module::set_path(const std::string& path) {
  path_ = std::make_shared<const std::string>(path);
  for (auto& [name, parameter] : parameters_) parameter->name = join(path, name);
  for (auto& [name, buffer] : buffers_) buffer->name = join(path, name);
  for (const Child& child : children_) child.module->set_path(join(path, child.name));
}

}  // namespace espalier::nn
