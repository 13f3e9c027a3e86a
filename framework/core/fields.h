// One description of a settings struct serves reading, checking, help, the canonical dump and the hash:
// the struct lists its members once, and visitors do the rest.
//
//   struct SgdSettings {
//     double momentum = 0.9;
//     void fields(FieldVisitor& v) { v.field("momentum", momentum, "momentum of the gradient", {0.0, 1.0}); }
//   };
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "framework/core/registry.h"

namespace espalier {

// Both ends included.
template <class T>
struct Range {
  T low = std::numeric_limits<T>::lowest();
  T high = std::numeric_limits<T>::max();
};

class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  virtual void field(const char* key, bool& value, const char* help) = 0;
  virtual void field(const char* key, std::int64_t& value, const char* help,
                     Range<std::int64_t> range = {}) = 0;
  virtual void field(const char* key, double& value, const char* help, Range<double> range = {}) = 0;
  // `choices` empty: any text.
  virtual void field(const char* key, std::string& value, const char* help,
                     const std::vector<std::string>& choices = {}) = 0;
  virtual void field(const char* key, std::vector<std::string>& values, const char* help) = 0;
  // `range` is that of each value.
  virtual void field(const char* key, std::vector<std::int64_t>& values, const char* help,
                     Range<std::int64_t> range = {}) = 0;

  // A nested table: any struct with fields(FieldVisitor&).
  template <class Struct>
  void table(const char* key, Struct& value, const char* help) {
    visit_table(key, help, [&](FieldVisitor& v) { value.fields(v); });
  }

  // An array of tables, [[key]]. Each element is default-constructed, then read.
  template <class Struct>
  void tables(const char* key, std::vector<Struct>& values, const char* help) {
    visit_tables({key, help, values.size(), [&](std::size_t count) { values.resize(count); },
                  [&](std::size_t i, FieldVisitor& v) { values[i].fields(v); },
                  [](FieldVisitor& v) { Struct().fields(v); }});
  }

  // An exchangeable part, chosen by name from a registry, with keys of its own:
  //   schedule = "one_shot"    or    schedule = { kind = "cubic", begin = 0.1 }
  // `kind` is the chosen name and `part` its instance, never null after a visit; Base has
  // fields(FieldVisitor&).
  template <class Base>
  void part(const char* key, std::string& kind, std::unique_ptr<Base>& part, const Registry<Base>& registry,
            const char* help) {
    visit_choice(key, kind, part, registry, help, false);
  }

  // The same, where the part's keys stand beside `key` in the enclosing table:
  //   [[stage]]
  //   kind = "train"
  //   epochs = 30
  template <class Base>
  void inline_part(const char* key, std::string& kind, std::unique_ptr<Base>& part,
                   const Registry<Base>& registry, const char* help) {
    visit_choice(key, kind, part, registry, help, true);
  }

 protected:
  using Visit = std::function<void(FieldVisitor&)>;

  struct TablesField {
    const char* key;
    const char* help;
    std::size_t count;
    std::function<void(std::size_t)> resize;
    std::function<void(std::size_t, FieldVisitor&)> visit;
    Visit visit_fresh;  // a default-constructed element
  };

  struct PartField {
    const char* key;
    const char* help;
    bool is_inline;
    std::string& kind;
    const std::vector<std::string>& kinds;
    const std::vector<std::string>& kinds_help;
    std::function<void()> make;  // builds a fresh part of `kind`, which a reader has set
    Visit visit;
    // A fresh part of the named kind: for help, and so that a dump can leave defaults out.
    std::function<void(const std::string&, FieldVisitor&)> visit_fresh;
  };

  virtual void visit_table(const char* key, const char* help, const Visit& visit) = 0;
  virtual void visit_tables(const TablesField& field) = 0;
  virtual void visit_part(const PartField& field) = 0;

 private:
  template <class Base>
  void visit_choice(const char* key, std::string& kind, std::unique_ptr<Base>& part,
                    const Registry<Base>& registry, const char* help, bool is_inline) {
    if (!part) part = registry.make(kind);
    const std::vector<std::string> names = registry.names();
    std::vector<std::string> names_help;
    for (const auto& row : registry.rows()) names_help.push_back(row.help);
    visit_part({key, help, is_inline, kind, names, names_help, [&] { part = registry.make(kind); },
                [&](FieldVisitor& v) { part->fields(v); },
                [&](const std::string& name, FieldVisitor& v) { registry.make(name)->fields(v); }});
  }
};

}  // namespace espalier
