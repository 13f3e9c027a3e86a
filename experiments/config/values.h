// How single values are written in configs, dumps and hashes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace espalier {

std::string toml_value(bool value);
std::string toml_value(std::int64_t value);
// The shortest form that reads back to the same bits: 0.1, 30.0.
std::string toml_value(double value);
std::string toml_value(const std::string& value);
std::string toml_value(const std::vector<std::string>& values);
std::string toml_value(const std::vector<std::int64_t>& values);

}  // namespace espalier
