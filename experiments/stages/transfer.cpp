#include "experiments/stages/transfer.h"

#include "experiments/experiment_config.h"
#include "experiments/stages/earlier_stage.h"
#include "experiments/stages/tested.h"
#include "pruning/policies/transfer.h"

namespace espalier {

void TransferStage::fields(FieldVisitor& v) {
  v.field("from", from_, "whose masks: an earlier stage, or the path of a checkpoint or run");
  v.field("exclude", exclude_, "names of weights that keep their own masks, * and ? as in file names");
  v.field("shuffle", shuffle_,
          "permute each mask: as many weights, at random places; units of several weights break up");
}

void TransferStage::rehearse(const StageInputs& inputs) const {
  if (from_.empty()) fail(ErrorKind::usage, "transfer", "from is empty: whose masks?");
  expect_earlier(inputs, "from", from_);
}

StageResult TransferStage::run(StageContext& context) const {
  const auto seed = static_cast<std::uint64_t>(context.config.seed);
  pruning::transfer_masks_(context.model, *load_earlier(context, from_).model, exclude_,
                           shuffle_ ? std::optional(seed) : std::nullopt);
  return tested(context);
}

}  // namespace espalier
