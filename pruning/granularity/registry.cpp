#include "pruning/granularity/block.h"
#include "pruning/granularity/branch.h"
#include "pruning/granularity/element.h"
#include "pruning/granularity/filter.h"
#include "pruning/granularity/head.h"
#include "pruning/granularity/input_channel.h"
#include "pruning/granularity/kernel.h"
#include "pruning/granularity/n_of_m.h"
#include "pruning/granularity/neuron.h"

namespace espalier::pruning {

const Registry<Granularity>& granularity_registry() {
  static const Registry<Granularity> registry(
      "granularity",
      {
          {"element", "single weights: unstructured sparsity", std::make_unique<Element>},
          {"filter", "output channels, neurons (Li et al. 2017)", std::make_unique<Filter>},
          {"input_channel", "input channels, features (He et al. 2017)", std::make_unique<InputChannel>},
          {"kernel", "kernels between two channels (Mao et al. 2017)", std::make_unique<Kernel>},
          {"block", "blocks of channels at one tap (Gray et al. 2017)", std::make_unique<Block>},
          {"head", "attention heads, with dependencies (Michel et al. 2019)", std::make_unique<Head>},
          {"neuron", "neurons of MLPs, with dependencies (McCarley et al. 2019)", std::make_unique<Neuron>},
          {"branch", "a ResNet's block, a transformer's attention or MLP (Veit et al. 2016)",
           std::make_unique<Branch>},
          {"layer", "all branches of a block: a transformer's layer (Fan et al. 2020)",
           std::make_unique<Layer>},
          {"n_of_m", "N kept of M input channels (Zhou et al. 2021)", std::make_unique<NOfM>},
      });
  return registry;
}

}  // namespace espalier::pruning
