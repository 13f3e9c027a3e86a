// Which program made a result.
#pragma once

#include <string>

namespace espalier {

// "0.1.0, g++ 12.2.0, Release"
std::string build_description();

}  // namespace espalier
