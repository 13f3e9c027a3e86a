// The keys of a settings struct, for people: type, default, range and meaning, and those of every kind of
// each exchangeable part.
#pragma once

#include <string>
#include <vector>

#include "framework/core/fields.h"

namespace espalier {

class ConfigHelp final : public FieldVisitor {
 public:
  const std::string& text() const { return text_; }

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
  void below(const Visit& visit);

  int depth_ = 0;
  std::string text_;
};

}  // namespace espalier
