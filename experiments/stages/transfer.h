// Masks of another network, such as a lottery's ticket, for this one's weights:
//
//   [[stage]]
//   kind = "transfer"
//   from = "runs/tickets-1a2b3c4d/0-lottery/round-05/checkpoint"
//   exclude = ["fc.*"]
//   shuffle = true           # a random ticket: as many weights in each layer, elsewhere
#pragma once

#include <string>
#include <vector>

#include "experiments/stages/stage.h"

namespace espalier {

class TransferStage : public Stage {
 public:
  void fields(FieldVisitor& v) override;
  void rehearse(const StageInputs& inputs) const override;
  StageResult run(StageContext& context) const override;

 private:
  std::string from_;
  std::vector<std::string> exclude_;
  bool shuffle_ = false;
};

}  // namespace espalier
