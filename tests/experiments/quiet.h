// A reporter that nobody hears.
#pragma once

#include <cstdio>
#include <memory>

#include "experiments/reporter.h"

namespace espalier::testing {

struct Quiet {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere{std::fopen("/dev/null", "w"), &std::fclose};
  Reporter reporter{nowhere.get()};
};

}  // namespace espalier::testing
