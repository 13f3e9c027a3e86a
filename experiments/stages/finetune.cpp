#include "experiments/stages/finetune.h"

namespace espalier {

FinetuneStage::FinetuneStage() {
  epochs_ = 10;
  schedule_kind_ = "cosine";  // from its highest rate down: there is nothing to warm up
}

}  // namespace espalier
