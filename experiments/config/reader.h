// Fills a settings struct from a parsed config, strictly: every key must be known, of the right type and in
// range. All problems are collected and reported at once.
#pragma once

#include <string>
#include <vector>

#include "experiments/config/document.h"
#include "framework/core/error.h"
#include "framework/core/fields.h"

namespace espalier {

class ConfigReader final : public FieldVisitor {
 public:
  // `node` is a table; `problems` receives one line for each error.
  ConfigReader(const ConfigNode& node, std::string prefix, std::vector<std::string>& problems);

  // After all fields were visited: a problem for each key that none of them asked for.
  void finish();

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
  // The value of `key`, which is known from now on; null when it was not given.
  const ConfigNode* take(const char* key);
  template <class T>
  void take_list(const char* key, std::vector<T>& values, const char* expected);
  template <class T>
  void check_range(const ConfigNode& node, const char* key, T value, Range<T> range);
  void wrong_type(const ConfigNode& node, const std::string& key, const char* expected);
  // Reads part->kind; false when it is none of the known ones.
  bool take_kind(const ConfigNode& node, const PartField& field);
  void read_below(const ConfigNode& node, const std::string& key, const Visit& visit);

  const ConfigNode& node_;
  std::string prefix_;  // "stage.0.", for messages
  std::vector<std::string>& problems_;
  std::vector<std::string> known_;
};

// Reads all of `node` into `settings`; throws Error (usage) that lists every problem.
template <class Struct>
void read_config(const ConfigNode& node, Struct& settings) {
  std::vector<std::string> problems;
  ConfigReader reader(node, "", problems);
  settings.fields(reader);
  reader.finish();
  if (!problems.empty()) {
    fail(ErrorKind::usage, "config", "{} problem{}:\n  {}", problems.size(), problems.size() == 1 ? "" : "s",
         fmt::join(problems, "\n  "));
  }
}

}  // namespace espalier
