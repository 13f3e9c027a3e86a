// "Did you mean ...?" for mistyped keys, options and names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace espalier {

// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other.
int edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `word`, or "" when none is near enough to be what was meant.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "; did you mean 'momentum'?" or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace espalier
