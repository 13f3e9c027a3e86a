// All kinds of stages, in the order in which help prints them. A new one adds its row here.
#include "experiments/stages/finetune.h"
#include "experiments/stages/lottery.h"
#include "experiments/stages/prune.h"
#include "experiments/stages/shrink.h"
#include "experiments/stages/train.h"
#include "experiments/stages/transfer.h"

namespace espalier {

const Registry<Stage>& stage_registry() {
  static const Registry<Stage> registry(
      "stage",
      {
          {"train", "training, with pruning inside the optimizer step where asked for",
           [] { return std::make_unique<TrainStage>(); }},
          {"prune", "pruning at once, without training", [] { return std::make_unique<PruneStage>(); }},
          {"lottery", "rounds of training, pruning and rewinding: lottery tickets (arXiv:1803.03635)",
           [] { return std::make_unique<LotteryStage>(); }},
          {"transfer", "the masks of another network, such as a ticket (Morcos et al. 2019)",
           [] { return std::make_unique<TransferStage>(); }},
          {"finetune", "training that goes on from trained weights",
           [] { return std::make_unique<FinetuneStage>(); }},
          {"shrink",
           "removal of masked filters, heads, neurons and branches: a smaller network that computes the same",
           [] { return std::make_unique<ShrinkStage>(); }},
      });
  return registry;
}

}  // namespace espalier
