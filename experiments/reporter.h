// Tells a person how an experiment goes: a live line on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "framework/train/callback.h"

namespace espalier {

class Reporter {
 public:
  explicit Reporter(std::FILE* stream);

  // A line of its own.
  void line(const std::string& text);
  // What is under way, in place of what stood there; nothing where there is no terminal.
  void live(const std::string& text);
  bool has_terminal() const { return terminal_; }

 private:
  void clear_live();

  std::FILE* stream_;
  bool terminal_;
  bool live_ = false;
};

// Epoch, step, loss, accuracy, images/s and time left of a stage.
class ProgressLine : public train::Callback {
 public:
  ProgressLine(Reporter& reporter, std::string label, std::int64_t epochs, std::int64_t steps_per_epoch,
               std::int64_t steps_done);

  void on_step(const train::StepReport& report) override;
  void on_epoch_end(const train::EpochReport& report) override;

 private:
  Reporter& reporter_;
  std::string label_;
  std::int64_t epochs_, steps_per_epoch_, first_step_;
  double begin_seconds_, shown_seconds_ = 0.0;
  std::int64_t images_ = 0;  // since begin
};

// "45 s", "12 min 05 s", "3 h 20 min"
std::string format_seconds(double seconds);

}  // namespace espalier
