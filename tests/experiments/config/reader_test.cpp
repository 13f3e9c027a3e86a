#include "experiments/config/reader.h"

#include <doctest/doctest.h>

#include "tests/experiments/config/sample_settings.h"

namespace espalier {
namespace {

using testing::Circle;
using testing::SampleSettings;
using testing::Square;

SampleSettings read(const std::string& text, const std::vector<std::string>& overrides = {}) {
  ConfigNode document = parse_config_text(text, "test.toml");
  for (const std::string& assignment : overrides) apply_override(document, assignment);
  SampleSettings settings;
  read_config(document, settings);
  return settings;
}

// What the error of a bad config says; "" when there is none. Every such error is one of usage.
std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    read(text, overrides);
  } catch (const Error& error) {
    CHECK(error.exit_code() == 2);
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

TEST_CASE("a text is taken as it is, whatever it looks like as a value") {
  for (const char* text : {"2024", "true", "2024-01-01", "[a]", "90%", ""}) {
    CAPTURE(text);
    ConfigNode document = parse_config_text("", "test.toml");
    set_text(document, "item", text);
    CHECK(std::get<std::string>(document.find("item")->value) == text);
  }
}

TEST_CASE("text that is no UTF-8 is refused: it could not be read back") {
  for (const char* bad : {"name=\xff", "name=\"\xc3\x28\"", "name=a\xed\xa0\x80"}) {
    CAPTURE(bad);
    CHECK(contains(error_of("", {bad}), "is not UTF-8"));
  }
  ConfigNode document = parse_config_text("", "test.toml");
  CHECK_THROWS_AS(set_text(document, "name", "\xff"), Error);
  set_text(document, "name", "\u5bc6");
}

TEST_CASE("a config sets what it names and leaves the rest at its default") {
  const SampleSettings s = read(R"(
on = true
rate = 1            # a whole number is a number
names = ["conv*", "fc"]
sizes = [1, 2]
[inner]
weight = 0.25
[shape]
kind = "square"
side = 7
[[item]]
name = "first"
radius = 2.5
[[item]]
kind = "square"
side = 4
)");
  CHECK(s.on);
  CHECK(s.count == 3);
  CHECK(s.rate == 1.0);
  CHECK(s.names == std::vector<std::string>{"conv*", "fc"});
  CHECK(s.sizes == std::vector<std::int64_t>{1, 2});
  CHECK(s.inner.weight == 0.25);
  CHECK(dynamic_cast<Square&>(*s.shape).side == 7);
  REQUIRE(s.items.size() == 2);
  CHECK(dynamic_cast<Circle&>(*s.items[0].shape).radius == 2.5);
  CHECK(dynamic_cast<Square&>(*s.items[1].shape).side == 4);
}

TEST_CASE("a part can be given by its name alone, or by its keys alone") {
  CHECK(dynamic_cast<Square&>(*read("shape = \"square\"").shape).side == 2);
  CHECK(dynamic_cast<Circle&>(*read("shape.radius = 3.0").shape).radius == 3.0);
}

TEST_CASE("every mistake is reported at once, each with its place") {
  const std::string error = error_of(R"(cuont = 4
rate = 1.5
on = "yes"
mode = "fsat"
shape = { kind = "square", size = 3 }
[inner]
wieght = 0.1
[[item]]
kind = "sqare"
side = 3
[[item]]
radius = -1.0
)");
  CHECK(contains(error, "8 problems"));
  CHECK(contains(error, "test.toml:1:1: unknown key 'cuont'; did you mean 'count'?"));
  CHECK(contains(error, "test.toml:2:1: 'rate' must be at least 0 and at most 1, got 1.5"));
  CHECK(contains(error, "test.toml:3:1: 'on' expects true or false, got text"));
  CHECK(contains(error, "'mode' must be one of slow, fast, got 'fsat'; did you mean 'fast'?"));
  CHECK(contains(error, "unknown key 'shape.size'; did you mean 'side'?"));
  CHECK(contains(error, "test.toml:7:1: unknown key 'inner.wieght'; did you mean 'weight'?"));
  CHECK(contains(error, "test.toml:9:1: 'item.0.kind' must be one of circle, square, got 'sqare'"));
  CHECK(contains(error, "test.toml:12:1: 'item.1.radius' must be at least 0 and at most 10, got -1"));
}

TEST_CASE("values of the wrong type are refused") {
  for (const char* text :
       {"count = 1.5", "count = \"3\"", "rate = \"fast\"", "text = 3", "names = \"a\"", "names = [1]",
        "sizes = [1.5]", "inner = 3", "shape = 3", "item = 3", "item = [1]", "[item]\nname = \"x\"",
        "rate = nan", "rate = inf", "count = 101", "count = -1", "sizes = [3, 10]", "sizes = [0]"}) {
    CAPTURE(text);
    CHECK(!error_of(text).empty());
  }
}

TEST_CASE("text that is no TOML is refused with its place") {
  CHECK(contains(error_of("count = \n"), "test.toml:1:"));
  CHECK(contains(error_of("a = 1\na = 2\n"), "test.toml:2:"));
  CHECK(contains(error_of("when = 2020-01-01\n"), "dates"));
}

TEST_CASE("the command line overrides, and can add what the file leaves out") {
  const std::string text =
      "count = 1\nshape = \"square\"\n[[item]]\nname = \"a\"\n[[item]]\nkind = \"square\"\n";
  const SampleSettings s =
      read(text, {"count=2", "rate=5e-1", "mode=fast", "text=free text", "shape.side=9", "item.0.radius=4",
                  "item.square.side=5", "inner.weight=1", "names=[\"x\", \"y\"]"});
  CHECK(s.count == 2);
  CHECK(s.rate == 0.5);
  CHECK(s.mode == "fast");
  CHECK(s.text == "free text");
  CHECK(dynamic_cast<Square&>(*s.shape).side == 9);
  CHECK(dynamic_cast<Circle&>(*s.items[0].shape).radius == 4.0);
  CHECK(dynamic_cast<Square&>(*s.items[1].shape).side == 5);
  CHECK(s.inner.weight == 1.0);
  CHECK(s.names == std::vector<std::string>{"x", "y"});
  CHECK(dynamic_cast<Circle&>(*read(text, {"shape=circle"}).shape).radius == 1.0);
}

TEST_CASE("an override that leads nowhere is refused and says which") {
  const std::string text = "count = 1\n[[item]]\nname = \"a\"\n[[item]]\nname = \"a\"\n";
  CHECK(contains(error_of(text, {"cuont=2"}),
                 "command line: cuont=2: unknown key 'cuont'; did you mean 'count'?"));
  CHECK(contains(error_of(text, {"item.2.radius=1"}), "there is no element 2, only 0 to 1"));
  CHECK(contains(error_of(text, {"item.a.radius=1"}), "2 elements have name 'a'"));
  CHECK(contains(error_of(text, {"item.b.radius=1"}), "no element says that it is 'b'"));
  CHECK(contains(error_of(text, {"count.deep=1"}), "which has no keys"));
  CHECK(contains(error_of(text, {"count"}), "expected key=value"));
  CHECK(contains(error_of(text, {"=3"}), "expected key=value"));
}

}  // namespace
}  // namespace espalier
