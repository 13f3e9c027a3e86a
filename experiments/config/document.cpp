#include "experiments/config/document.h"

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "experiments/config/values.h"
#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/core/suggest.h"

namespace espalier {
namespace {

constexpr const char* kWhere = "config";
constexpr std::size_t kMaxBytes = 4 << 20;

std::string location(const std::string& file_name, const toml::source_region& region) {
  return fmt::format("{}:{}:{}", file_name, region.begin.line, region.begin.column);
}

ConfigNode convert(const toml::node& node, const std::string& file_name) {
  ConfigNode result;
  result.where = location(file_name, node.source());
  if (const auto* table = node.as_table()) {
    ConfigNode::Table entries;
    for (const auto& [key, value] : *table) {
      entries.emplace_back(std::string(key.str()), convert(value, file_name));
      entries.back().second.where = location(file_name, key.source());
    }
    std::stable_sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
      const auto &x = table->find(a.first)->first.source().begin,
                 &y = table->find(b.first)->first.source().begin;
      return std::pair(x.line, x.column) < std::pair(y.line, y.column);
    });
    result.value = std::move(entries);
  } else if (const auto* array = node.as_array()) {
    ConfigNode::Array elements;
    for (const toml::node& element : *array) elements.push_back(convert(element, file_name));
    result.value = std::move(elements);
  } else if (const auto* boolean = node.as_boolean()) {
    result.value = boolean->get();
  } else if (const auto* integer = node.as_integer()) {
    result.value = integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    result.value = number->get();
  } else if (const auto* text = node.as_string()) {
    result.value = text->get();
  } else {
    fail(ErrorKind::usage, kWhere, "{}: dates and times are not used in configs", result.where);
  }
  return result;
}

// Text from outside a file may hold any bytes. What is no UTF-8 would be written to config.toml and
// manifests, and could not be read back from there.
ConfigNode text_node(const std::string& text, const std::string& where) {
  try {
    static_cast<void>(toml::parse("value = " + toml_value(text)));
  } catch (const toml::parse_error&) {
    fail(ErrorKind::usage, kWhere, "{}: the text is not UTF-8, which configs are written in", where);
  }
  return {where, text};
}

// What stands to the right of `=` on the command line: TOML where it is, else the text as it is.
ConfigNode parse_value(const std::string& text, const std::string& where) {
  try {
    ConfigNode node = convert(*toml::parse("value = " + text).get("value"), where);
    node.where = where;
    return node;
  } catch (const toml::parse_error&) { return text_node(text, where); }
}

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> keys;
  std::istringstream stream(path);
  for (std::string key; std::getline(stream, key, '.');) keys.push_back(key);
  return keys;
}

const std::string* text_at(const ConfigNode& node, std::string_view key) {
  const ConfigNode* found = node.find(key);
  return found == nullptr ? nullptr : std::get_if<std::string>(&found->value);
}

// The element of an array of tables that `key` means: an index, else a name, else a kind.
ConfigNode& element(ConfigNode::Array& array, const std::string& key, const std::string& where) {
  if (!key.empty() && key.size() < 9 && key.find_first_not_of("0123456789") == std::string::npos) {
    const std::size_t index = std::stoul(key);
    if (index < array.size()) return array[index];
    fail(ErrorKind::usage, kWhere, "{}: there is no element {}, only 0 to {}", where, key,
         static_cast<std::int64_t>(array.size()) - 1);
  }
  std::vector<std::string> known;
  for (const char* field : {"name", "kind"}) {
    std::vector<ConfigNode*> matches;
    for (ConfigNode& candidate : array) {
      const std::string* text = text_at(candidate, field);
      if (text == nullptr) continue;
      known.push_back(*text);
      if (*text == key) matches.push_back(&candidate);
    }
    if (matches.size() == 1) return *matches[0];
    if (matches.size() > 1) {
      fail(ErrorKind::usage, kWhere, "{}: {} elements have {} '{}'; use an index instead", where,
           matches.size(), field, key);
    }
  }
  fail(ErrorKind::usage, kWhere, "{}: no element says that it is '{}'{}; use its index, 0 to {}", where, key,
       did_you_mean(key, known), static_cast<std::int64_t>(array.size()) - 1);
}

ConfigNode& child(ConfigNode& parent, const std::string& key, const std::string& where) {
  if (auto* array = std::get_if<ConfigNode::Array>(&parent.value)) return element(*array, key, where);
  if (auto* kind =
          std::get_if<std::string>(&parent.value)) {  // part = "name" becomes part = { kind = "name" }
    ConfigNode named{parent.where, *kind};
    parent.value = ConfigNode::Table{{"kind", std::move(named)}};
  }
  auto* table = std::get_if<ConfigNode::Table>(&parent.value);
  if (table == nullptr)
    fail(ErrorKind::usage, kWhere, "{}: '{}' is below {}, which has no keys", where, key, parent.type_name());
  for (auto& [name, node] : *table) {
    if (name == key) return node;
  }
  table->emplace_back(key, ConfigNode{where, ConfigNode::Table{}});
  return table->back().second;
}

// What the dotted path leads to, made where it is not there.
ConfigNode& node_at(ConfigNode& root, const std::string& path, const std::string& where) {
  ConfigNode* node = &root;
  for (const std::string& key : split_path(path)) node = &child(*node, key, where);
  return *node;
}

}  // namespace

const ConfigNode* ConfigNode::find(std::string_view key) const {
  if (const Table* entries = table()) {
    for (const auto& [name, node] : *entries) {
      if (name == key) return &node;
    }
  }
  return nullptr;
}

std::string ConfigNode::type_name() const {
  constexpr const char* kNames[] = {"true or false", "a whole number", "a number",
                                    "text",          "a list",         "a table"};
  return kNames[value.index()];
}

ConfigNode parse_config_text(const std::string& text, const std::string& file_name) {
  try {
    return convert(toml::parse(text), file_name);
  } catch (const toml::parse_error& error) {
    fail(ErrorKind::usage, kWhere, "{}: {}", location(file_name, error.source()), error.description());
  }
}

ConfigNode parse_config_file(const std::filesystem::path& path) {
  return parse_config_text(read_file(path, kMaxBytes), path.string());
}

void apply_override(ConfigNode& root, const std::string& assignment, const std::string& origin) {
  const std::size_t equals = assignment.find('=');
  const std::string where = origin + ": " + assignment;
  if (equals == std::string::npos || equals == 0)
    fail(ErrorKind::usage, kWhere, "{}: expected key=value", where);
  node_at(root, assignment.substr(0, equals), where) = parse_value(assignment.substr(equals + 1), where);
}

void set_text(ConfigNode& root, const std::string& key, const std::string& text, const std::string& origin) {
  const std::string where = fmt::format("{}: {}={}", origin, key, text);
  node_at(root, key, where) = text_node(text, where);
}

}  // namespace espalier
