// Tells when a layer begins or ceases to multiply kept weights only, pass by pass, and why.
#pragma once

#include <array>
#include <map>
#include <string>

#include "experiments/reporter.h"
#include "framework/nn/module.h"

namespace espalier {

class ExecutionLog {
 public:
  // Of the layers' latest calls, against what was told before: at first all were dense.
  void report(nn::Module& model, const std::string& label, Reporter& reporter);

 private:
  std::map<std::string, std::array<bool, 3>> sparse_;  // by layer: forward, backward data, backward weights
};

}  // namespace espalier
