#include "experiments/config/reader.h"

#include <algorithm>

#include "framework/core/suggest.h"

namespace espalier {

ConfigReader::ConfigReader(const ConfigNode& node, std::string prefix, std::vector<std::string>& problems)
    : node_(node), prefix_(std::move(prefix)), problems_(problems) {}

void ConfigReader::finish() {
  for (const auto& [key, value] : *node_.table()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    problems_.push_back(
        fmt::format("{}: unknown key '{}{}'{}", value.where, prefix_, key, did_you_mean(key, known_)));
  }
}

const ConfigNode* ConfigReader::take(const char* key) {
  known_.emplace_back(key);
  return node_.find(key);
}

void ConfigReader::wrong_type(const ConfigNode& node, const std::string& key, const char* expected) {
  problems_.push_back(
      fmt::format("{}: '{}{}' expects {}, got {}", node.where, prefix_, key, expected, node.type_name()));
}

template <class T>
void ConfigReader::check_range(const ConfigNode& node, const char* key, T value, Range<T> range) {
  // Written so that NaN is out of every range.
  if (value >= range.low && value <= range.high) return;
  const std::string low = range.low == Range<T>().low ? "" : fmt::format("at least {}", range.low);
  const std::string high = range.high == Range<T>().high ? "" : fmt::format("at most {}", range.high);
  const char* join = !low.empty() && !high.empty() ? " and "
                     : low.empty() && high.empty() ? "a finite number"
                                                   : "";
  problems_.push_back(
      fmt::format("{}: '{}{}' must be {}{}{}, got {}", node.where, prefix_, key, low, join, high, value));
}

void ConfigReader::field(const char* key, bool& value, const char*) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  if (const bool* given = std::get_if<bool>(&node->value)) {
    value = *given;
  } else {
    wrong_type(*node, key, "true or false");
  }
}

void ConfigReader::field(const char* key, std::int64_t& value, const char*, Range<std::int64_t> range) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  if (const std::int64_t* given = std::get_if<std::int64_t>(&node->value)) {
    value = *given;
    check_range(*node, key, value, range);
  } else {
    wrong_type(*node, key, "a whole number");
  }
}

void ConfigReader::field(const char* key, double& value, const char*, Range<double> range) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  if (const double* given = std::get_if<double>(&node->value)) {
    value = *given;
    check_range(*node, key, value, range);
  } else if (const std::int64_t* whole = std::get_if<std::int64_t>(&node->value)) {
    value = static_cast<double>(*whole);
    check_range(*node, key, value, range);
  } else {
    wrong_type(*node, key, "a number");
  }
}

void ConfigReader::field(const char* key, std::string& value, const char*,
                         const std::vector<std::string>& choices) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  const std::string* given = std::get_if<std::string>(&node->value);
  if (given == nullptr) {
    wrong_type(*node, key, "text");
  } else if (!choices.empty() && std::find(choices.begin(), choices.end(), *given) == choices.end()) {
    problems_.push_back(fmt::format("{}: '{}{}' must be one of {}, got '{}'{}", node->where, prefix_, key,
                                    fmt::join(choices, ", "), *given, did_you_mean(*given, choices)));
  } else {
    value = *given;
  }
}

template <class T>
void ConfigReader::take_list(const char* key, std::vector<T>& values, const char* expected) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  const auto* array = std::get_if<ConfigNode::Array>(&node->value);
  if (array == nullptr) return wrong_type(*node, key, expected);
  values.clear();
  for (const ConfigNode& element : *array) {
    if (const T* given = std::get_if<T>(&element.value)) {
      values.push_back(*given);
    } else {
      wrong_type(element, key, expected);
    }
  }
}

void ConfigReader::field(const char* key, std::vector<std::string>& values, const char*) {
  take_list(key, values, "a list of texts");
}

void ConfigReader::field(const char* key, std::vector<std::int64_t>& values, const char*,
                         Range<std::int64_t> range) {
  take_list(key, values, "a list of whole numbers");
  if (const ConfigNode* node = node_.find(key)) {
    for (const std::int64_t value : values) check_range(*node, key, value, range);
  }
}

void ConfigReader::read_below(const ConfigNode& node, const std::string& key, const Visit& visit) {
  ConfigReader below(node, prefix_ + key + ".", problems_);
  visit(below);
  below.finish();
}

void ConfigReader::visit_table(const char* key, const char*, const Visit& visit) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  if (node->table() == nullptr) return wrong_type(*node, key, "a table");
  read_below(*node, key, visit);
}

void ConfigReader::visit_tables(const TablesField& field) {
  const ConfigNode* node = take(field.key);
  if (node == nullptr) return;
  const auto* array = std::get_if<ConfigNode::Array>(&node->value);
  if (array == nullptr) return wrong_type(*node, field.key, "an array of tables, [[...]]");
  field.resize(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    const ConfigNode& element = (*array)[i];
    const std::string key = fmt::format("{}.{}", field.key, i);
    if (element.table() == nullptr) {
      wrong_type(element, key, "a table");
    } else {
      read_below(element, key, [&](FieldVisitor& v) { field.visit(i, v); });
    }
  }
}

bool ConfigReader::take_kind(const ConfigNode& node, const PartField& field) {
  const std::string* name = std::get_if<std::string>(&node.value);
  if (name == nullptr) {
    wrong_type(node, field.key, "a name");
    return false;
  }
  if (std::find(field.kinds.begin(), field.kinds.end(), *name) == field.kinds.end()) {
    problems_.push_back(fmt::format("{}: '{}{}' must be one of {}, got '{}'{}", node.where, prefix_,
                                    field.key, fmt::join(field.kinds, ", "), *name,
                                    did_you_mean(*name, field.kinds)));
    return false;
  }
  if (*name != field.kind) {  // the same kind keeps the defaults that its owner gave it
    field.kind = *name;
    field.make();
  }
  return true;
}

void ConfigReader::visit_part(const PartField& field) {
  const ConfigNode* node = take(field.key);
  if (field.is_inline) {
    if (node != nullptr && !take_kind(*node, field)) {
      // The part's keys cannot be told from mistakes: leave them be.
      for (const auto& [key, value] : *node_.table()) known_.push_back(key);
      return;
    }
    field.visit(*this);
    return;
  }
  if (node == nullptr) return;
  if (node->table() == nullptr) {  // schedule = "cubic"
    take_kind(*node, field);
    return;
  }
  const ConfigNode* kind = node->find("kind");
  if (kind != nullptr && !take_kind(*kind, field)) return;
  ConfigReader below(*node, prefix_ + field.key + ".", problems_);
  below.known_.emplace_back("kind");
  field.visit(below);
  below.finish();
}

}  // namespace espalier
