#include "experiments/config/canonical.h"

#include <fmt/format.h>

#include "experiments/config/values.h"

namespace espalier {
void CanonicalDump::field(const char* key, bool& value, const char*) {
  (*entries_)[prefix_ + key] = toml_value(value);
}

void CanonicalDump::field(const char* key, std::int64_t& value, const char*, Range<std::int64_t>) {
  (*entries_)[prefix_ + key] = toml_value(value);
}

void CanonicalDump::field(const char* key, double& value, const char*, Range<double>) {
  (*entries_)[prefix_ + key] = toml_value(value);
}

void CanonicalDump::field(const char* key, std::string& value, const char*, const std::vector<std::string>&) {
  (*entries_)[prefix_ + key] = toml_value(value);
}

void CanonicalDump::field(const char* key, std::vector<std::string>& value, const char*) {
  (*entries_)[prefix_ + key] = toml_value(value);
}

void CanonicalDump::field(const char* key, std::vector<std::int64_t>& value, const char*,
                          Range<std::int64_t>) {
  (*entries_)[prefix_ + key] = toml_value(value);
}

void CanonicalDump::below(const std::string& key, const Visit& visit) {
  const std::string before = prefix_;
  prefix_ += key + ".";
  visit(*this);
  prefix_ = before;
}

void CanonicalDump::defaults_below(const std::string& key, const Visit& visit) {
  Entries* const before = entries_;
  entries_ = &defaults_;
  key.empty() ? visit(*this) : below(key, visit);
  entries_ = before;
}

void CanonicalDump::visit_table(const char* key, const char*, const Visit& visit) { below(key, visit); }

void CanonicalDump::visit_tables(const TablesField& field) {
  (*entries_)[prefix_ + field.key] = std::to_string(field.count);
  for (std::size_t i = 0; i < field.count; ++i) {
    const std::string key = fmt::format("{}.{}", field.key, i);
    defaults_below(key, field.visit_fresh);
    below(key, [&](FieldVisitor& v) { field.visit(i, v); });
  }
}

void CanonicalDump::visit_part(const PartField& field) {
  (*entries_)[prefix_ + field.key] = toml_value(field.kind);
  const auto fresh = [&](FieldVisitor& v) { field.visit_fresh(field.kind, v); };
  const std::string key = field.is_inline ? "" : field.key;
  defaults_below(key, fresh);
  key.empty() ? field.visit(*this) : below(key, field.visit);
}

std::vector<std::string> CanonicalDump::lines() const {
  std::vector<std::string> lines;
  for (const auto& [key, value] : values_) {
    const auto found = defaults_.find(key);
    if (found == defaults_.end() || found->second != value) lines.push_back(key + "=" + value);
  }
  return lines;
}

}  // namespace espalier
