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
  virtual void field(const char* key, std::vector<std::int64_t>& values, const char* help) = 0;

  // A nested table: any struct with fields(FieldVisitor&).
  template <class Struct>
  void table(const char* key, Struct& value, const char* help) {
    visit_table(key, help, [&](FieldVisitor& v) { value.fields(v); });
  }

  // An array of tables, [[key]]. Each element is default-constructed, then read.
  template <class Struct>
  void tables(const char* key, std::vector<Struct>& values, const char* help) {
    visit_tables(
        key, help, values.size(), [&](std::size_t count) { values.resize(count); },
        [&](std::size_t i, FieldVisitor& v) { values[i].fields(v); });
  }

  // An exchangeable part, chosen by name from a registry, with keys of its own:
  //   schedule = "one_shot"    or    schedule = { kind = "cubic", begin = 0.1 }
  // `kind` is the chosen name and `part` its instance; Base has fields(FieldVisitor&).
  template <class Base>
  void part(const char* key, std::string& kind, std::unique_ptr<Base>& part, const Registry<Base>& registry,
            const char* help) {
    visit_part(
        key, help, kind, registry.names(), [&] { part = registry.make(kind); },
        [&](FieldVisitor& v) {
          if (part) part->fields(v);
        },
        [&](FieldVisitor& v) { registry.make(kind)->fields(v); });
  }

 protected:
  using Visit = std::function<void(FieldVisitor&)>;

  virtual void visit_table(const char* key, const char* help, const Visit& visit) = 0;
  virtual void visit_tables(const char* key, const char* help, std::size_t count,
                            const std::function<void(std::size_t)>& resize,
                            const std::function<void(std::size_t, FieldVisitor&)>& visit) = 0;
  // `make` builds the part after a reader has set `kind`; `visit` walks the part's own keys,
  // `visit_default` those of a fresh part of the same kind, so that a dump can leave defaults out.
  virtual void visit_part(const char* key, const char* help, std::string& kind,
                          const std::vector<std::string>& kinds, const std::function<void()>& make,
                          const Visit& visit, const Visit& visit_default) = 0;
};

}  // namespace espalier
