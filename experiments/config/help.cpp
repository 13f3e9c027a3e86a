#include "experiments/config/help.h"

#include <fmt/format.h>

#include "experiments/config/values.h"

namespace espalier {
namespace {

template <class T>
std::string with_range(const char* help, Range<T> range) {
  const bool low = range.low != Range<T>().low, high = range.high != Range<T>().high;
  if (low && high) return fmt::format("{} ({} to {})", help, range.low, range.high);
  if (low) return fmt::format("{} (at least {})", help, range.low);
  if (high) return fmt::format("{} (at most {})", help, range.high);
  return help;
}

}  // namespace

void ConfigHelp::line(const std::string& key, const std::string& value, const std::string& help) {
  const std::string assignment = std::string(static_cast<std::size_t>(2 * depth_), ' ') + key + value;
  text_ += fmt::format("{:<40} {}\n", assignment, help);
}

void ConfigHelp::field(const char* key, bool& value, const char* help) {
  line(key, " = " + toml_value(value), help);
}

void ConfigHelp::field(const char* key, std::int64_t& value, const char* help, Range<std::int64_t> range) {
  line(key, " = " + toml_value(value), with_range(help, range));
}

void ConfigHelp::field(const char* key, double& value, const char* help, Range<double> range) {
  line(key, " = " + toml_value(value), with_range(help, range));
}

void ConfigHelp::field(const char* key, std::string& value, const char* help,
                       const std::vector<std::string>& choices) {
  line(key, " = " + toml_value(value),
       choices.empty() ? help : fmt::format("{} ({})", help, fmt::join(choices, " | ")));
}

void ConfigHelp::field(const char* key, std::vector<std::string>& values, const char* help) {
  line(key, " = " + toml_value(values), help);
}

void ConfigHelp::field(const char* key, std::vector<std::int64_t>& values, const char* help,
                       Range<std::int64_t> range) {
  line(key, " = " + toml_value(values), with_range(help, range));
}

void ConfigHelp::below(const Visit& visit) {
  ++depth_;
  visit(*this);
  --depth_;
}

void ConfigHelp::visit_table(const char* key, const char* help, const Visit& visit) {
  line(fmt::format("[{}]", key), "", help);
  below(visit);
}

void ConfigHelp::visit_tables(const TablesField& field) {
  line(fmt::format("[[{}]]", field.key), "", field.help);
  below(field.visit_fresh);
}

void ConfigHelp::visit_part(const PartField& field) {
  line(field.key, " = " + toml_value(field.kind), field.help);
  for (std::size_t i = 0; i < field.kinds.size(); ++i) {
    line(fmt::format("  {}:", toml_value(field.kinds[i])), "", field.kinds_help[i]);
    depth_ += 2;
    field.visit_fresh(field.kinds[i], *this);
    depth_ -= 2;
  }
}

}  // namespace espalier
