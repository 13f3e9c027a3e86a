#include "experiments/config/canonical.h"

#include <doctest/doctest.h>

#include "experiments/config/clone.h"
#include "experiments/config/help.h"
#include "tests/experiments/config/sample_settings.h"

namespace espalier {
namespace {

using testing::SampleSettings;

SampleSettings read(const std::string& text) {
  SampleSettings settings;
  read_config(parse_config_text(text, "test.toml"), settings);
  return settings;
}

std::vector<std::string> lines_of(const std::string& text) {
  SampleSettings settings = read(text);
  return canonical_lines(settings);
}

constexpr const char* kFull = R"(
on = true
rate = 0.30000000000000004
text = "a \"quoted\" \\ \u0001 text"
sizes = [3, 4]
shape = { kind = "square", side = 9 }
[[item]]
name = "a"
radius = 1e-7
[[item]]
kind = "square"
)";

TEST_CASE("only what differs from its default is in the canonical lines") {
  CHECK(lines_of("").empty());
  CHECK(lines_of("count = 3\nrate = 0.1\nshape = \"circle\"\n").empty());
  CHECK(lines_of("count = 4\n[inner]\nweight = 1\n") ==
        std::vector<std::string>{"count=4", "inner.weight=1.0"});
  // The default of a part's keys is that of its kind, the default of an element that of a fresh one.
  CHECK(lines_of("shape = \"square\"") == std::vector<std::string>{"shape=\"square\""});
  CHECK(lines_of("shape = { kind = \"square\", side = 5 }") ==
        std::vector<std::string>{"shape=\"square\"", "shape.side=5"});
  CHECK(lines_of("[[item]]\n[[item]]\nradius = 2\n") ==
        std::vector<std::string>{"item=2", "item.1.radius=2.0"});
}

TEST_CASE("the order of keys in the file does not matter") {
  CHECK(lines_of("on = true\ncount = 4\n") == lines_of("count = 4\non = true\n"));
}

TEST_CASE("settings written as TOML read back the same") {
  for (const bool with_help : {false, true}) {
    SampleSettings settings = read(kFull);
    const std::string text = config_toml(settings, with_help);
    CAPTURE(text);
    SampleSettings again = read(text);
    CHECK(canonical_lines(again) == canonical_lines(settings));
    CHECK(again.text == settings.text);
    CHECK(again.rate == settings.rate);
  }
}

TEST_CASE("a clone of settings has the same values in parts of its own") {
  SampleSettings settings = read(kFull);
  SampleSettings copy = clone_settings(settings);
  CHECK(canonical_lines(copy) == canonical_lines(settings));
  CHECK(copy.shape != settings.shape);
}

TEST_CASE("help lists the keys of every kind of part") {
  ConfigHelp help;
  SampleSettings().fields(help);
  for (const char* part : {"count = 3", "(0 to 100)", "(slow | fast)", "[inner]", "radius = 1.0", "side = 2",
                           "(at least 1)", "[[item]]"}) {
    CAPTURE(part);
    CHECK(help.text().find(part) != std::string::npos);
  }
}

}  // namespace
}  // namespace espalier
