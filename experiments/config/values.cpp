#include "experiments/config/values.h"

#include <fmt/format.h>

namespace espalier {

std::string toml_value(bool value) { return value ? "true" : "false"; }

std::string toml_value(std::int64_t value) { return std::to_string(value); }

std::string toml_value(double value) {
  const std::string text = fmt::format("{}", value);  // fmt's shortest form that reads back the same
  return text.find_first_of(".einf") == std::string::npos ? text + ".0" : text;
}

std::string toml_value(const std::string& value) {
  std::string text = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      text += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      text += c;
    }
  }
  return text + '"';
}

std::string toml_value(const std::vector<std::string>& values) {
  std::vector<std::string> items;
  for (const std::string& value : values) items.push_back(toml_value(value));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string toml_value(const std::vector<std::int64_t>& values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

}  // namespace espalier
