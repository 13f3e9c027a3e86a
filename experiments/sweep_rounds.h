// Accuracy against the weights that are left: what stages that train in rounds came to after each of them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace espalier {

// Of a run, by its summary: a round's density, its accuracy as "ticket", and those of its controls under their
// names. Of its last stage with rounds; empty without one.
nlohmann::ordered_json rounds_json(const nlohmann::ordered_json& summary);

// Of what sweep_json gives (sweep_table.h): a table a row, where rows have one cell; "" where none has rounds.
std::string rounds_markdown(const nlohmann::ordered_json& table);

}  // namespace espalier
