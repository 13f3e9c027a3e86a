// Options whose value is a list.
#pragma once

#include <string>
#include <vector>

namespace espalier::cli {

// Parted by commas or blanks.
std::vector<std::string> words(const std::string& text);

// The words as numbers; throws Error (usage), naming the option, for one that is none.
std::vector<double> numbers(const std::string& text, const std::string& option);

}  // namespace espalier::cli
