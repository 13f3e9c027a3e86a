// Iterative pruning in rounds: train, prune a share of what is left, go back, train again. With rewinding it
// finds lottery tickets (Frankle and Carbin, ICLR 2019); its other policies are what they are compared with.
//
//   [[stage]]
//   kind = "lottery"
//   rounds = 10              # dense training first, then ten times a fifth of what is left: 89% pruned
//   share = 0.2
//   start = "rewind"
//   rewind_step = 500
//   ticket = { criterion = "magnitude", scope = "global" }
//   epochs = 20              # a round; and all the keys of a train stage
//
// What is compared in Renda, Frankle and Carbin, ICLR 2020: start = "rewind" is weight rewinding; "continue"
// trains the trained weights with the whole schedule again, learning-rate rewinding; with retrain_lr = 0.1,
// fine-tuning.
//
// A rewound round goes on at rewind_step as the dense one did: the rest of its steps, with the learning rate,
// the images and the dropout of each. Weights and running statistics are rewound, the optimizer's moments are
// not: they begin at 0, as in the authors' program (github.com/facebookresearch/open_lth, training/train.py).
//
// Do a ticket's places matter, and its weights? Its controls say so; they train after the rounds:
//
//   controls = ["shuffle", "reinitialise"]
//   control_rounds = [5, 10]
//
// "shuffle", the random ticket, has as many weights in each layer at other places, rewound as the ticket's
// were; "reinitialise" has new weights at the ticket's places, which begin at step 0.
//
// Round r has a directory of its own, <stage>/round-<r>, with the trained ticket and its figures, and each
// control has <stage>/round-<r>-<control>. They are resumable as a train stage is, and skipped when complete.
// The stage leaves the last ticket.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/stages/train.h"

namespace espalier {

class LotteryStage : public TrainStage {
 public:
  // In the stage's directory: the weights that rewinding goes back to.
  static constexpr const char* kSnapshot = "snapshot";

  void fields(FieldVisitor& v) override;
  void rehearse(const StageInputs& inputs) const override;
  StageResult run(StageContext& context) const override;

  // Is the key, "share" or "ticket.scope", without meaning until the first round is done?
  static bool decides_later_rounds(std::string_view key);

 private:
  struct Ticket {
    pruning::PrunerSettings settings;

    void fields(FieldVisitor& v);
  };

  // Whose tickets have controls.
  std::set<std::int64_t> controlled_rounds() const;
  void check_controls(const std::string& label) const;
  // Sparsity after a round.
  double sparsity_after(std::int64_t round) const;
  pruning::PrunerSettings ticket_of(std::int64_t round) const;
  // Masks for the round, whose context it is, from the weights that the one before has trained; then the
  // weights that it starts from.
  void draw_ticket(StageContext& context, std::int64_t round, const std::filesystem::path& snapshot) const;
  // What the control of a round starts from.
  void draw_control(StageContext& context, std::int64_t round, const std::string& control) const;

  std::int64_t rounds_ = 5;
  double share_ = 0.2;
  double sparsity_ = 0.0;
  std::string start_ = "rewind";
  std::int64_t rewind_step_ = 0;
  bool shuffle_ = false;
  double retrain_lr_ = 1.0;
  std::vector<std::string> controls_;
  std::vector<std::int64_t> control_rounds_;
  mutable Ticket ticket_;
};

}  // namespace espalier
