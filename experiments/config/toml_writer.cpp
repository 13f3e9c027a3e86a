#include "experiments/config/toml_writer.h"

#include <fmt/format.h>

#include "experiments/config/values.h"

namespace espalier {
namespace {

std::string one_of(const std::vector<std::string>& names) {
  return names.empty() ? "" : fmt::format(" ({})", fmt::join(names, " | "));
}

}  // namespace

void TomlWriter::line(const std::string& key, const std::string& value, const std::string& help) {
  const std::string assignment = prefix_ + key + " = " + value;
  keys_ += with_help_ ? fmt::format("{:<36}  # {}\n", assignment, help) : assignment + "\n";
}

void TomlWriter::field(const char* key, bool& value, const char* help) { line(key, toml_value(value), help); }

void TomlWriter::field(const char* key, std::int64_t& value, const char* help, Range<std::int64_t>) {
  line(key, toml_value(value), help);
}

void TomlWriter::field(const char* key, double& value, const char* help, Range<double>) {
  line(key, toml_value(value), help);
}

void TomlWriter::field(const char* key, std::string& value, const char* help,
                       const std::vector<std::string>& choices) {
  line(key, toml_value(value), help + one_of(choices));
}

void TomlWriter::field(const char* key, std::vector<std::string>& value, const char* help) {
  line(key, toml_value(value), help);
}

void TomlWriter::field(const char* key, std::vector<std::int64_t>& value, const char* help,
                       Range<std::int64_t>) {
  line(key, toml_value(value), help);
}

void TomlWriter::below(const char* key, const Visit& visit) {
  const std::string before = prefix_;
  prefix_ += std::string(key) + ".";
  visit(*this);
  prefix_ = before;
}

void TomlWriter::visit_table(const char* key, const char*, const Visit& visit) { below(key, visit); }

void TomlWriter::visit_tables(const TablesField& field) {
  const std::string path = (path_.empty() ? "" : path_ + ".") + prefix_ + field.key;
  for (std::size_t i = 0; i < field.count; ++i) {
    TomlWriter element(with_help_, path);
    field.visit(i, element);
    arrays_ += fmt::format("\n[[{}]]\n{}", path, element.text());
  }
}

void TomlWriter::visit_part(const PartField& field) {
  const std::string help = field.help + one_of(field.kinds);
  if (field.is_inline) {
    line(field.key, toml_value(field.kind), help);
    field.visit(*this);
    return;
  }
  below(field.key, [&](FieldVisitor& v) {
    line("kind", toml_value(field.kind), help);
    field.visit(v);
  });
}

}  // namespace espalier
