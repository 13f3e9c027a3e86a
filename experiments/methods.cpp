#include "experiments/methods.h"

namespace espalier {

const std::vector<pruning::Method>& stage_methods() {
  static const std::vector<pruning::Method> methods = {
      {"lottery tickets", R"(kind = "lottery", start = "rewind")", "Frankle and Carbin 2019"},
      {"late rewinding", R"(kind = "lottery", start = "rewind", rewind_step = 500)", "Frankle et al. 2020"},
      {"rate rewinding", R"(kind = "lottery", start = "continue")", "Renda et al. 2020"},
      {"rounds, fine-tuned", R"(kind = "lottery", start = "continue", retrain_lr = 0.1)", "Han et al. 2015"},
      {"tickets, new weights", R"(kind = "lottery", start = "reinitialise")", "Frankle and Carbin 2019"},
      {"tickets, shuffled", R"(kind = "lottery", start = "rewind", shuffle = true)", "Frankle et al. 2021"},
      {"tickets elsewhere", R"(kind = "transfer", from = "runs/tickets")", "Morcos et al. 2019"},
      {"distillation", R"(distill = { teacher = "dense", temperature = 4.0, weight = 0.9 })",
       "Hinton et al. 2015"},
  };
  return methods;
}

const std::vector<pruning::Method>& experiment_methods() {
  static const std::vector<pruning::Method> methods = {
      {"narrow, from scratch", R"(budget = { of = "macs", fraction = 0.5 })", "Liu et al. 2019"},
  };
  return methods;
}

}  // namespace espalier
