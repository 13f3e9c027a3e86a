#include "pruning/methods.h"

namespace espalier::pruning {

const std::vector<Method>& methods() {
  static const std::vector<Method> methods = {
      {"one-shot magnitude", R"(schedule = { kind = "one_shot", at = 0.5 })", "Han et al. 2015"},
      {"iterative magnitude", R"(schedule = "iterative")", "Han et al. 2015"},
      {"GMP", R"(schedule = "cubic")", "Zhu and Gupta 2017"},
      {"cyclical", R"(schedule = "cyclic")", "Srinivas et al. 2022"},
      {"LAMP", R"(criterion = "lamp", scope = "global", schedule = "iterative")", "Lee et al. 2021"},
      {"SNIP", R"(criterion = "snip")", "Lee et al. 2019"},
      {"iterative SNIP", R"(criterion = "snip", rounds = 100)", "de Jorge et al. 2021"},
      {"GraSP", R"(criterion = "grasp")", "Wang et al. 2020"},
      {"SynFlow", R"(criterion = "synflow", rounds = 100)", "Tanaka et al. 2020"},
      {"SNIP, shuffled", R"(criterion = "snip", control = "shuffle")", "Frankle et al. 2021"},
      {"SNIP, new weights", R"(criterion = "snip", control = "reinitialise")", "Frankle et al. 2021"},
      {"static, ERK", R"(criterion = "random", scope = "erk")", "Evci et al. 2020"},
      {"SET", R"(criterion = "random", scope = "erk", regrow = "set")", "Mocanu et al. 2018"},
      {"RigL", R"(criterion = "random", scope = "erk", regrow = "rigl")", "Evci et al. 2020"},
      {"DPF", R"(schedule = "cubic", regrow = "feedback")", "Lin et al. 2020"},
      {"movement", R"(criterion = "movement", schedule = { kind = "cubic", begin = 0.1 })",
       "Sanh et al. 2020"},
      {"soft movement",
       R"(criterion = "soft_movement", schedule = { kind = "cubic", begin = 0.1, end = 1.0 })",
       "Sanh et al. 2020"},
      {"Wanda", R"(criterion = "wanda", scope = "per_layer", schedule = { kind = "one_shot", at = 1.0 })",
       "Sun et al. 2024"},
      {"N:M", R"(granularity = { kind = "n_of_m", n = 2, m = 4 }, schedule = "cubic")", "Zhou et al. 2021"},
      {"L1 filters", R"(granularity = { kind = "filter", norm = "l1" }, scope = "per_layer")",
       "Li et al. 2017"},
      {"FPGM", R"(criterion = "fpgm", granularity = "filter", scope = "per_layer")", "He et al. 2019"},
      {"Taylor filters",
       R"(criterion = "taylor", granularity = { kind = "filter", norm = "l1" }, )"
       R"(schedule = { kind = "linear", begin = 0.1 })",
       "Molchanov et al. 2019"},
      {"network slimming",
       R"(criterion = "bn_scale", granularity = "filter", dependencies = true, )"
       R"(schedule = { kind = "one_shot", at = 1.0 })",
       "Liu et al. 2017"},
      {"network trimming", R"(criterion = "apoz", granularity = "filter", schedule = "iterative")",
       "Hu et al. 2016"},
      {"sixteen heads",
       R"(criterion = { kind = "mask_gradient", normalise = "layer" }, granularity = "head", rounds = 10)",
       "Michel et al. 2019"},
  };
  return methods;
}

}  // namespace espalier::pruning
