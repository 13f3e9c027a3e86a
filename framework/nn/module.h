// A module owns parameters, buffers (state that is no parameter: running statistics) and child modules, under
// the names that PyTorch's state_dict would give them.
//
//   struct Block : nn::Module {
//     std::shared_ptr<nn::Conv2d> conv = register_module("conv", std::make_shared<nn::Conv2d>(...));
//     Tensor forward(const Tensor& x) override { return ops::relu((*conv)(x)); }
//   };
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/nn/parameter.h"

namespace espalier::nn {

struct Buffer {
  std::string name;  // path from the model: "bn1.running_mean"
  Tensor value;      // plain
};

class Module {
 public:
  Module();
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // forward() under this module's name, which operations on the tape and errors carry.
  Tensor operator()(const Tensor& x);
  virtual Tensor forward(const Tensor& x) = 0;

  // Of this module and all below it, in the order of registration: PyTorch's.
  std::vector<Parameter*> parameters();
  std::vector<Buffer*> buffers();
  // Every module below and including this, parents before children.
  std::vector<Module*> modules();
  std::int64_t parameter_count();

  // Parameters' values and buffers by name; the tensors share storage with the module.
  std::vector<std::pair<std::string, Tensor>> state_dict();
  // Copies values in. Throws Error naming every missing, unexpected or misshapen entry; then nothing was
  // copied.
  void load_state_dict(const std::vector<std::pair<std::string, Tensor>>& state);

  void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }
  void zero_grad();

  // Path from the model: "layer1.0"; "" for the model itself.
  const std::string& path() const { return *path_; }
  // What kind of module this is, as PyTorch names it: "Conv2d".
  virtual std::string type_name() const = 0;

 protected:
  Parameter& register_parameter(std::string name, Tensor value, ParameterKind kind);
  Buffer& register_buffer(std::string name, Tensor value);
  template <class M>
  std::shared_ptr<M> register_module(std::string name, std::shared_ptr<M> child) {
    adopt(std::move(name), child);
    return child;
  }

 private:
  struct Child {
    std::string name;
    std::shared_ptr<Module> module;
  };

  void adopt(std::string name, std::shared_ptr<Module> child);
  void set_path(const std::string& path);

  std::shared_ptr<const std::string> path_;
  bool training_ = true;
  std::vector<std::pair<std::string, std::unique_ptr<Parameter>>> parameters_;  // local name, parameter
  std::vector<std::pair<std::string, std::unique_ptr<Buffer>>> buffers_;
  std::vector<Child> children_;
};

}  // namespace espalier::nn
