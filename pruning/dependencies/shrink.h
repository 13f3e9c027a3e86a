// Physical removal: a masked network is made into a smaller one that computes the same.
//
//   const Shrunk shrunk = shrink(*model, {3, 32, 32});
//   optim::Sgd optimizer(model->parameters(), settings);              // new: the parameters are
//   optimizer.load_state(shrunk.select(before.state()), before.steps());
//
// A channel goes when nothing reads it any more: each layer that could has its weights for it masked, or
// finds a constant there that can be added to what follows. Which channels go together is asked of the
// dependencies. A residual branch whose last layer is masked whole is dropped, where its module can do
// without it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "framework/nn/module.h"
#include "framework/tensor/named_tensors.h"
#include "pruning/dependencies/structure.h"

namespace espalier::pruning {

struct Shrunk {
  // A weight whose number of filters has changed.
  struct Layer {
    std::string name;
    std::int64_t filters_before = 0, filters = 0;
  };
  // What a mask clears but that cannot be removed.
  struct Refusal {
    std::string layer;
    std::int64_t count = 0;
    Structure structure = Structure::channel;
    std::string reason;
  };
  // A parameter or buffer before, and what is left of it.
  struct Selection {
    Shape before;
    std::vector<std::pair<int, std::vector<std::int64_t>>> kept;  // dimension, positions
  };

  std::vector<Layer> layers;
  std::vector<std::string> branches;  // that are dropped
  std::vector<Refusal> refusals;
  std::int64_t parameters_before = 0, parameters = 0;
  std::int64_t folded_constants = 0;  // channels that were removed although they were not silent
  // Of the outputs on random images, between the masked network and the removed one; and the largest output.
  double max_difference = 0.0, max_output = 0.0;
  std::map<std::string, Selection> selections;  // by name
  std::set<std::string> gone;                   // names of parameters and buffers

  // Makes tensors that belong to the model as it was into those of the model as it is: an optimizer's state
  // ("<parameter>.<moment>"), averaged weights, what a criterion has gathered.
  NamedTensors select(const NamedTensors& tensors) const;
};

// Removes from the model whatever its masks allow, in place: parameters, masks and buffers become smaller,
// under the same names, branches that add nothing are dropped, and a mask that nothing is left of is gone.
// Constants that a removed channel still emitted are added to the biases, or taken off the running means, of
// what reads it. Every layer keeps one channel. Images are [C, H, W].
//
// The outputs of both networks are compared on random images, in evaluation mode. Throws Error when they
// differ by more than rounding does, or when weights do not keep to their masks.
Shrunk shrink(nn::Module& model, const Shape& image);

}  // namespace espalier::pruning
