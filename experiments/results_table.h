// The table of experiments/results/README.md, made of the summaries beside it.
#pragma once

#include <filesystem>
#include <string>

namespace espalier {

// A Markdown table of all *.json in `directory`, by file name, each with the command that repeats it: of the
// config in ../configs that has its name. Where that is now another experiment, by its hash, the row says so.
// Throws Error: io when they cannot be read, integrity when one is no summary, usage when a config is wrong.
std::string results_table(const std::filesystem::path& directory);

// Puts the table into the README.md of the directory, between the lines that mark its place.
void update_results_readme(const std::filesystem::path& directory);

}  // namespace espalier
