// Parts chosen by name: criteria, schedules, models, optimizers. A row is a name, one line of help and a
// factory; a family lists its rows in one file, in the order in which help prints them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "framework/core/error.h"
#include "framework/core/suggest.h"

namespace espalier {

template <class Base>
class Registry {
 public:
  struct Row {
    std::string name;
    std::string help;  // one line; a method names its paper
    std::function<std::unique_ptr<Base>()> make;
  };

  // `what` names the family in errors: "criterion".
  Registry(std::string what, std::vector<Row> rows) : what_(std::move(what)), rows_(std::move(rows)) {}

  const std::vector<Row>& rows() const { return rows_; }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Row& row : rows_) names.push_back(row.name);
    return names;
  }

  // Throws Error (usage) with the nearest name when there is no such row.
  std::unique_ptr<Base> make(std::string_view name) const {
    for (const Row& row : rows_) {
      if (row.name == name) return row.make();
    }
    fail(ErrorKind::usage, what_, "no {} is named '{}'{} (known: {})", what_, name,
         did_you_mean(name, names()), fmt::join(names(), ", "));
  }

 private:
  std::string what_;
  std::vector<Row> rows_;
};

}  // namespace espalier
