// Kernels chosen by measurement in this process (framework/tune): whether they are wanted, and the machine's
// cache.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "framework/tune/cache.h"
#include "framework/tune/tuner.h"

namespace espalier {

using Note = std::function<void(const std::string&)>;

// False until somebody asks for it, as the program does unless it gets --no-tune or ESPALIER_TUNE=off.
bool tuning_wanted();
void want_tuning(bool wanted);

// ESPALIER_TUNE=on|off, on without it. Throws Error (usage) for anything else.
bool tuning_environment();

// A tuner with the machine's cache, in use while it lives. Where tuning is not wanted it measures nothing and
// leaves the cache alone.
class MachineTuner {
 public:
  MachineTuner(tune::Choices recorded, const Note& note);

  const tune::Tuner& tuner() const { return tuner_; }
  // Adds what was measured to the cache.
  void save() const;

 private:
  tune::Cache cache_;
  tune::Tuner tuner_;
  tune::UseTuner use_;
};

tune::Cache machine_cache(const Note& note);

}  // namespace espalier
