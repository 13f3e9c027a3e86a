// The canonical form of a config: one line `key=value` for each setting that differs from its default. It
// identifies an experiment: a key that is added later, with a default that changes nothing, leaves the
// lines, and so the hash, of every older config as they were.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "framework/core/fields.h"

namespace espalier {

class CanonicalDump final : public FieldVisitor {
 public:
  void field(const char* key, bool& value, const char* help) override;
  void field(const char* key, std::int64_t& value, const char* help, Range<std::int64_t> range) override;
  void field(const char* key, double& value, const char* help, Range<double> range) override;
  void field(const char* key, std::string& value, const char* help,
             const std::vector<std::string>& choices) override;
  void field(const char* key, std::vector<std::string>& values, const char* help) override;
  void field(const char* key, std::vector<std::int64_t>& values, const char* help,
             Range<std::int64_t> range) override;

  // From here on, what is visited says what the values are; before, what their defaults are.
  void begin_values() { entries_ = &values_; }
  // Sorted by key; only what differs from its default.
  std::vector<std::string> lines() const;

 protected:
  void visit_table(const char* key, const char* help, const Visit& visit) override;
  void visit_tables(const TablesField& field) override;
  void visit_part(const PartField& field) override;

 private:
  using Entries = std::map<std::string, std::string>;

  void below(const std::string& key, const Visit& visit);
  // Visits into the defaults, whatever is being visited now.
  void defaults_below(const std::string& key, const Visit& visit);

  Entries defaults_, values_;
  Entries* entries_ = &defaults_;
  std::string prefix_;
};

template <class Struct>
std::vector<std::string> canonical_lines(Struct& settings) {
  CanonicalDump dump;
  Struct defaults;
  defaults.fields(dump);
  dump.begin_values();
  settings.fields(dump);
  return dump.lines();
}

}  // namespace espalier
