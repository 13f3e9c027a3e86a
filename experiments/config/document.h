// A config as it was written: values by key, each remembering where it stands, so that every error can say
// file:line:column.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace espalier {

struct ConfigNode {
  using Array = std::vector<ConfigNode>;
  using Table = std::vector<std::pair<std::string, ConfigNode>>;  // in the order of the file

  std::string where;  // "quickstart.toml:12:5", or "command line: epochs=3"
  std::variant<bool, std::int64_t, double, std::string, Array, Table> value = Table{};

  const Table* table() const { return std::get_if<Table>(&value); }
  const ConfigNode* find(std::string_view key) const;
  // "a table", "a whole number"
  std::string type_name() const;
};

// Throws Error (usage) with file:line:column when the text is no TOML, (io) when a file cannot be read.
ConfigNode parse_config_text(const std::string& text, const std::string& file_name);
ConfigNode parse_config_file(const std::filesystem::path& path);

// Applies `key=value`, where the key is a dotted path and the value TOML or else plain text:
//   seed=7   model.width=32   stage.0.epochs=30   stage.finetune.optimizer.lr=0.01   model=vgg16
// An element of an array of tables is addressed by its index, or by its `name` or `kind` when only one has
// it. Throws Error (usage) when the path leads nowhere. `origin` says in errors who asked for it.
void apply_override(ConfigNode& root, const std::string& assignment,
                    const std::string& origin = "command line");

// The same with a text that is meant as it is, also where it looks like a number or a date.
void set_text(ConfigNode& root, const std::string& key, const std::string& text,
              const std::string& origin = "command line");

}  // namespace espalier
