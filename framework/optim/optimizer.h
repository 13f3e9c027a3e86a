// What all optimizers share: the order of a step, hooks, clipping, which parameters decay, the mask contract
// and the state of a checkpoint. An optimizer adds its formula for a slice of neighbouring weights.
//
//   optim::Sgd optimizer(model->parameters(), {{.lr = 0.1, .weight_decay = 5e-4}, 0.9});
//   loss.backward();
//   optimizer.step();
//   optimizer.zero_grad();
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "framework/core/fields.h"
#include "framework/optim/kept_places.h"
#include "framework/optim/slices.h"
#include "framework/optim/step_hook.h"
#include "framework/tensor/named_tensors.h"

namespace espalier::optim {

// The keys that every optimizer has.
struct OptimizerSettings {
  double lr = 0.1;                  // the base rate, which a schedule multiplies
  double weight_decay = 0.0;        // of weights
  bool decay_norm_and_bias = true;  // false: biases and the parameters of norms do not decay
  double clip_norm = 0.0;           // largest global gradient norm; 0: no clipping

  void fields(FieldVisitor& v);
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // One step: the hooks' before_step; the global gradient norm, and scaling by
  //   gradient_scale * min(1, clip_norm / norm);
  // one pass over weights, gradients, moments and masks; the hooks' after_step, and enforce_masks() when one
  // of them changed a mask. A parameter without a gradient keeps its value. Throws Error (not_finite), naming
  // the parameter, before any weight changes when a gradient is NaN or Inf.
  void step();
  void zero_grad();

  double lr() const { return lr_; }
  double base_lr() const { return settings_.lr; }
  void set_lr(double lr) { lr_ = lr; }
  // Training begins at this step of its course, with moments of 0: steps() counts from there. To be called
  // before the first step and before load_state().
  void begin_at(std::int64_t step);
  // Gradients are multiplied by this: 1 / the number of batches that were added up.
  void set_gradient_scale(double scale) { gradient_scale_ = scale; }
  // The hook is called in every step from now on, after the hooks before it, and must outlive the optimizer.
  void add_hook(StepHook* hook);

  const std::vector<nn::Parameter*>& parameters() const { return parameters_; }
  std::int64_t steps() const { return steps_; }
  // The norm over all parameters' gradients in the last step, scaled but not yet clipped. Pruned weights do
  // not count, unless they are dormant.
  double gradient_norm() const { return gradient_norm_; }

  // Makes weights and moments exactly 0 wherever their mask is 0. Where pruned weights are dormant they are
  // set aside instead, and their moments stay. Throws Error, before anything is written, for a mask of
  // another shape than its parameter.
  void enforce_masks();
  // Throws Error naming the first parameter that breaks the mask contract. Builds with assertions call it in
  // every step.
  void check_masks() const;

  // Every moment under "<parameter>.<moment>", of the parameter's shape: "layer1.0.conv1.weight.momentum".
  // Moments that are held for kept weights alone are copied out, others share storage.
  NamedTensors state() const;
  // Copies moments in and sets steps(); masks and dormant weights are to be those of that step already.
  // Throws Error (integrity) naming every missing, unexpected or misshapen entry; then nothing was copied.
  void load_state(const NamedTensors& state, std::int64_t steps);

 protected:
  static constexpr int kMaxMoments = 2;

  // `count` neighbouring weights of one parameter; of one that is mostly pruned, neighbours among those left.
  struct Slice {
    std::size_t parameter;  // its place in parameters()
    std::int64_t begin;     // the slice's place in it, or in what is left of it
    float* weight;
    const float* gradient;
    std::array<float*, kMaxMoments> moments;
    const std::uint8_t* mask;  // null: every weight lives
    std::int64_t count;
    double weight_decay;    // of this parameter
    double gradient_scale;  // of every gradient: the user's scale times that of clipping
  };

  Optimizer(std::vector<nn::Parameter*> parameters, const OptimizerSettings& settings,
            std::vector<std::string> moment_names);

  // The formula. Slices are updated in parallel; steps() counts the step under way already.
  virtual void update(const Slice& slice) const = 0;
  // update() of every slice. For a formula that needs to see whole parameters first.
  virtual void update_all(double gradient_scale);
  // Does the formula want every weight of this parameter, pruned ones too?
  virtual bool needs_whole(std::size_t /*parameter*/) const { return false; }
  // Steps whose gradients the moments have seen; the one under way counts already.
  std::int64_t steps_of_moments() const { return steps_ - begin_; }
  // Do the settings let it decay?
  bool decays(const nn::Parameter& parameter) const;
  // body(slice) for all parameters that have a gradient, in parallel.
  template <class Body>
  void for_each_slice(double gradient_scale, const Body& body) {
    slices_.for_each([&](std::size_t, const SliceOf& where) {
      if (const std::optional<Slice> slice = open_slice(where, gradient_scale)) {
        body(*slice);
        close_slice(*slice);
      }
    });
  }

 private:
  double measure_gradient_norm();
  // Tells the parameters what will be read of their gradients in the coming step: a hook may read those of
  // pruned weights, and where places are listed, those of kept weights are enough.
  void ask_for_gradients();
  // Finds out whose weights and gradients can be read as they lie with nn::KeptValues; other gradients are
  // made whole.
  void follow_kept_values();
  // Throws Error unless each mask is of its parameter's shape.
  void check_masks_fit() const;
  void wake_dormant();
  void rest_dormant();
  // Of a parameter whose places are listed, weights and gradients that are no neighbours as they lie are
  // copied to the calling thread's scratch, and weights back.
  std::optional<Slice> open_slice(const SliceOf& where, double gradient_scale);
  void close_slice(const Slice& slice);
  // A slice's elements of `from`, which lies as the parameter or as its kept values: where they are
  // neighbours, else copied.
  template <class Float>
  Float* side_by_side(const SliceOf& where, Float* from, bool as_values, float* copy) const;
  float* weights_at(const SliceOf& where);
  const float* gradient_at(const SliceOf& where) const;
  // Has anyone set or written a mask since hold_moments_where_kept() last looked?
  bool masks_changed() const;
  // Lists the places of what the masks leave of each parameter, where that pays, and moves the moments there.
  void hold_moments_where_kept();
  Tensor whole_moment(std::size_t parameter, std::size_t moment) const;

  std::vector<nn::Parameter*> parameters_;
  OptimizerSettings settings_;
  std::vector<std::string> moment_names_;
  std::vector<std::uint64_t> mask_versions_;     // a parameter; as last looked at, dense at first
  std::vector<std::optional<KeptPlaces>> kept_;  // a parameter; none: moments for every weight
  std::vector<std::uint8_t> laid_out_;  // a parameter; its weights are nn::KeptValues that kept_ follows
  std::vector<std::array<Tensor, kMaxMoments>> moments_;  // a parameter; undefined beyond the names
  Slices slices_;
  std::vector<double> partial_sums_;  // a slice; of squared gradients
  std::vector<StepHook*> hooks_;
  double lr_;
  double gradient_scale_ = 1.0;
  double gradient_norm_ = 0.0;
  std::int64_t steps_ = 0, begin_ = 0;
};

}  // namespace espalier::optim
