// A small settings struct with one field of each kind, for the tests of the config visitors.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/core/fields.h"

namespace espalier::testing {

struct Shape2 {
  virtual ~Shape2() = default;
  virtual void fields(FieldVisitor& v) = 0;
};

struct Circle : Shape2 {
  double radius = 1.0;
  void fields(FieldVisitor& v) override { v.field("radius", radius, "of the circle", {0.0, 10.0}); }
};

struct Square : Shape2 {
  std::int64_t side = 2;
  void fields(FieldVisitor& v) override { v.field("side", side, "of the square", {1}); }
};

inline const Registry<Shape2>& shape_registry() {
  static const Registry<Shape2> registry("shape",
                                         {{"circle", "round", [] { return std::make_unique<Circle>(); }},
                                          {"square", "not", [] { return std::make_unique<Square>(); }}});
  return registry;
}

struct Item {
  std::string name;
  std::string kind = "circle";
  std::unique_ptr<Shape2> shape;

  void fields(FieldVisitor& v) {
    v.field("name", name, "of the item");
    v.inline_part("kind", kind, shape, shape_registry(), "what it is");
  }
};

struct Inner {
  double weight = 0.5;
  void fields(FieldVisitor& v) { v.field("weight", weight, "a fraction", {0.0, 1.0}); }
};

struct SampleSettings {
  bool on = false;
  std::int64_t count = 3;
  double rate = 0.1;
  std::string text = "plain";
  std::string mode = "slow";
  std::vector<std::string> names = {"*"};
  std::vector<std::int64_t> sizes;
  Inner inner;
  std::string shape_kind = "circle";
  std::unique_ptr<Shape2> shape;
  std::vector<Item> items;

  void fields(FieldVisitor& v) {
    v.field("on", on, "a switch");
    v.field("count", count, "a count", {0, 100});
    v.field("rate", rate, "a rate", {0.0, 1.0});
    v.field("text", text, "any text");
    v.field("mode", mode, "one of two", {"slow", "fast"});
    v.field("names", names, "patterns");
    v.field("sizes", sizes, "numbers", {1, 9});
    v.table("inner", inner, "a table");
    v.part("shape", shape_kind, shape, shape_registry(), "a part");
    v.tables("item", items, "an array of tables");
  }
};

}  // namespace espalier::testing
