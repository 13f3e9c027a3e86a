// Writes a settings struct as TOML that reads back to the same settings: every key with its value, and with
// its help as a comment where asked for.
#pragma once

#include <string>
#include <vector>

#include "framework/core/fields.h"

namespace espalier {

class TomlWriter final : public FieldVisitor {
 public:
  // `path` is that of an array element, "stage"; "" at the top.
  explicit TomlWriter(bool with_help, std::string path = "")
      : with_help_(with_help), path_(std::move(path)) {}

  // Keys first, then the arrays of tables: TOML wants that order.
  std::string text() const { return keys_ + arrays_; }

  void field(const char* key, bool& value, const char* help) override;
  void field(const char* key, std::int64_t& value, const char* help, Range<std::int64_t> range) override;
  void field(const char* key, double& value, const char* help, Range<double> range) override;
  void field(const char* key, std::string& value, const char* help,
             const std::vector<std::string>& choices) override;
  void field(const char* key, std::vector<std::string>& values, const char* help) override;
  void field(const char* key, std::vector<std::int64_t>& values, const char* help,
             Range<std::int64_t> range) override;

 protected:
  void visit_table(const char* key, const char* help, const Visit& visit) override;
  void visit_tables(const TablesField& field) override;
  void visit_part(const PartField& field) override;

 private:
  void line(const std::string& key, const std::string& value, const std::string& help);
  void below(const char* key, const Visit& visit);

  bool with_help_;
  std::string path_;
  std::string prefix_;  // dotted keys: "model."
  std::string keys_, arrays_;
};

template <class Struct>
std::string config_toml(Struct& settings, bool with_help = false) {
  TomlWriter writer(with_help);
  settings.fields(writer);
  return writer.text();
}

}  // namespace espalier
