// Which program made a result.
#pragma once

#include <string>

namespace espalier {

// "0.1.0, g++ 12.2.0, Release"
std::string build_description();

// What the linker called this program or library: another one for other code. Empty where it gave no name.
std::string build_id();

}  // namespace espalier
