// The figures of a sweep, as they stand at the moment.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "experiments/sweep.h"

namespace espalier {

// Per row and column: every seed's run with its state and figures, and over those that are done the mean and
// the standard deviation (of a sample: n - 1; from two on) of the test accuracy.
nlohmann::ordered_json sweep_json(const Sweep& sweep);

// Of what sweep_json gives: a table of accuracies, one of densities, epochs and times, and those of rounds
// (sweep_rounds.h).
std::string sweep_markdown(const nlohmann::ordered_json& table);

}  // namespace espalier
