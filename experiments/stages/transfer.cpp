#include "experiments/stages/transfer.h"

#include "experiments/experiment_config.h"
#include "experiments/stages/earlier_stage.h"
#include "experiments/stages/tested.h"
#include "pruning/policies/transfer.h"

namespace espalier {

void TransferStage::fields(FieldVisitor& v) {
  v.field("from", from_, "whose masks: an earlier stage, or the path of a checkpoint or run");
  v.field("exclude", exclude_, "names of weights that keep their own masks, * and ? as in file names");
}

void TransferStage::rehearse(const StageInputs& inputs) const {
  if (from_.empty()) fail(ErrorKind::usage, "transfer", "from is empty: whose masks?");
  expect_earlier(inputs, "from", from_);
}

StageResult TransferStage::run(StageContext& context) const {
  pruning::transfer_masks_(context.model, *load_earlier(context, from_).model, exclude_);
  return tested(context);
}

}  // namespace espalier
