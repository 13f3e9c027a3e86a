#include "pruning/criteria/apoz.h"
#include "pruning/criteria/bn_scale.h"
#include "pruning/criteria/criterion.h"
#include "pruning/criteria/fpgm.h"
#include "pruning/criteria/grasp.h"
#include "pruning/criteria/lamp.h"
#include "pruning/criteria/magnitude.h"
#include "pruning/criteria/mask_gradient.h"
#include "pruning/criteria/movement.h"
#include "pruning/criteria/random.h"
#include "pruning/criteria/snip.h"
#include "pruning/criteria/soft_movement.h"
#include "pruning/criteria/synflow.h"
#include "pruning/criteria/taylor.h"
#include "pruning/criteria/wanda.h"

namespace espalier::pruning {

const Registry<Criterion>& criterion_registry() {
  static const Registry<Criterion> registry(
      "criterion",
      {
          {"magnitude", "|w|, smallest first (Han et al. 2015)", std::make_unique<Magnitude>},
          {"random", "random order: the control", std::make_unique<RandomScores>},
          {"movement", "weights that shrink in training (Sanh et al. 2020)", std::make_unique<Movement>},
          {"soft_movement", "scores of their own, below a threshold (Sanh et al. 2020)",
           std::make_unique<SoftMovement>},
          {"taylor", "(w dL/dw)^2 over training (Molchanov et al. 2019)", std::make_unique<Taylor>},
          {"mask_gradient",
           "|dL/dxi| of a variable on a head, neuron, channel or branch (Michel et al. 2019)",
           std::make_unique<MaskGradient>},
          {"snip", "|w dL/dw| before training (Lee et al. 2019)", std::make_unique<Snip>},
          {"grasp", "what gradient flow depends on (Wang et al. 2020)", std::make_unique<Grasp>},
          {"synflow", "flow through positive weights, no data (Tanaka et al. 2020)",
           std::make_unique<SynFlow>},
          {"lamp", "magnitude made comparable between layers (Lee et al. 2021)", std::make_unique<Lamp>},
          {"wanda", "|w| times the input's norm (Sun et al. 2024)", std::make_unique<Wanda>},
          {"fpgm", "filters far from the others (He et al. 2019)", std::make_unique<Fpgm>},
          {"apoz", "filters whose outputs are seldom zero (Hu et al. 2016)", std::make_unique<Apoz>},
          {"bn_scale", "filters by their batch norm's scale, with its penalty (Liu et al. 2017)",
           std::make_unique<BnScale>},
      });
  return registry;
}

}  // namespace espalier::pruning
