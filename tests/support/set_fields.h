// Sets the fields of a part by key, as a config would.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/core/fields.h"

namespace espalier::testing {

// Keys that a part has and nobody set keep their values; nested parts are left alone.
class SetFields : public FieldVisitor {
 public:
  std::map<std::string, double> numbers;  // f64 and integer fields
  std::map<std::string, std::string> texts;
  std::map<std::string, std::vector<std::int64_t>> lists;
  std::map<std::string, std::vector<SetFields>> rows;  // of arrays of tables

  void field(const char*, bool&, const char*) override {}
  void field(const char* key, std::int64_t& value, const char*, Range<std::int64_t>) override {
    if (numbers.count(key) != 0) value = static_cast<std::int64_t>(numbers.at(key));
  }
  void field(const char* key, double& value, const char*, Range<double>) override {
    if (numbers.count(key) != 0) value = numbers.at(key);
  }
  void field(const char* key, std::string& value, const char*, const std::vector<std::string>&) override {
    if (texts.count(key) != 0) value = texts.at(key);
  }
  void field(const char*, std::vector<std::string>&, const char*) override {}
  void field(const char* key, std::vector<std::int64_t>& values, const char*, Range<std::int64_t>) override {
    if (lists.count(key) != 0) values = lists.at(key);
  }

 protected:
  void visit_table(const char*, const char*, const Visit&) override {}
  void visit_tables(const TablesField& field) override {
    const auto found = rows.find(field.key);
    if (found == rows.end()) return;
    field.resize(found->second.size());
    for (std::size_t i = 0; i < found->second.size(); ++i) field.visit(i, found->second[i]);
  }
  void visit_part(const PartField&) override {}
};

}  // namespace espalier::testing
