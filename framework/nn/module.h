// A module owns parameters, buffers (state that is no parameter: running statistics) and child modules, under
// the names that PyTorch's state_dict would give them.
//
//   struct Block : nn::Module {
//     std::shared_ptr<nn::Conv2d> conv = register_module("conv", std::make_shared<nn::Conv2d>(...));
//     Tensor forward(const Tensor& x) override { return ops::relu((*conv)(x)); }
//   };
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/nn/parameter.h"
#include "framework/tensor/named_tensors.h"

namespace espalier::nn {

class Module;

// In a scope: sees every module's call once it is done, innermost first. Inspection and statistics use it.
// Per thread.
class CallObserver {
 public:
  CallObserver();
  virtual ~CallObserver();
  CallObserver(const CallObserver&) = delete;
  CallObserver& operator=(const CallObserver&) = delete;

  virtual void called(Module& module, const Tensor& x, const Tensor& y) = 0;

 private:
  CallObserver* before_;
};

struct Buffer {
  std::string name;      // path from the model: "bn1.running_mean"
  Tensor value;          // plain
  bool resized = false;  // no longer of the shape that its module gave it (nn/resize.h)
};

class Module {
 public:
  Module();
  virtual ~Module();
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
  NamedTensors state_dict();
  // Copies values in. Throws Error naming every missing, unexpected or misshapen entry; then nothing was
  // copied.
  void load_state_dict(const NamedTensors& state);

  void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }
  void zero_grad();

  // Gives this module's own parameters and buffers their initial values: a function of the seed and the
  // parameters' names. initialise() in init.h calls it on a whole model, children first, so that a module may
  // choose other values for those below it than they would.
  virtual void reset_parameters(std::uint64_t /*seed*/) {}
  // How many times each element of `weight` is multiplied to turn one image's `x` into `y`; 0 for a module
  // without such a weight. Its multiply-accumulates are this times the weights that exist. Shapes with the
  // batch.
  virtual std::int64_t uses_per_weight(const Shape& /*x*/, const Shape& /*y*/) const { return 0; }
  // Multiply-accumulates of activations with each other for one image of `x`, where forward() itself has any:
  // attention's.
  virtual std::int64_t activation_macs(const Shape& /*x*/) const { return 0; }

  // Does without a residual branch of its own from now on, since it adds nothing: the modules of the branch
  // are gone. A branch is named by a path, "blocks.0.attn". False when there is none of that name.
  virtual bool drop_branch(const std::string& /*path*/) { return false; }
  // The branches that it does without.
  virtual std::vector<std::string> dropped_branches() const { return {}; }

  // Path from the model: "layer1.0"; "" for the model itself.
  const std::string& path() const { return *path_; }
  // What kind of module this is, as PyTorch names it: "Conv2d".
  virtual std::string type_name() const = 0;
  // Those of this module alone, without its children's.
  std::vector<Parameter*> own_parameters();

 protected:
  // What operator() does around forward(), for a module with a second way in.
  Tensor call(const Tensor& x, const std::function<Tensor()>& compute);

  Parameter& register_parameter(std::string name, Tensor value, ParameterKind kind);
  Buffer& register_buffer(std::string name, Tensor value);
  // Throws Error for a null module, and for one that has a place already: its parameters would be listed, and
  // updated, twice. To share weights, register a module once and call it twice.
  template <class M>
  std::shared_ptr<M> register_module(std::string name, std::shared_ptr<M> child) {
    adopt(std::move(name), std::shared_ptr<Module>(child));
    return child;
  }

  // Lets go of a child, if there is one.
  template <class M>
  void remove_module(std::shared_ptr<M>& child) {
    if (child == nullptr) return;
    Module& removed = *child;
    removed.registered_ = false;
    std::erase_if(children_, [&](const Child& c) { return c.module == child; });
    child = nullptr;
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
  // As a child of another: it has its place.
  bool registered_ = false;
  std::vector<std::pair<std::string, std::unique_ptr<Parameter>>> parameters_;  // local name, parameter
  std::vector<std::pair<std::string, std::unique_ptr<Buffer>>> buffers_;
  std::vector<Child> children_;
};

}  // namespace espalier::nn
