// The program that README.md shows compiles and learns.
#include <doctest/doctest.h>

#include <string>

#include "framework/core/files.h"
#include "tests/support/set_fields.h"

// Under another name, main may not leave out its return.
#pragma GCC diagnostic ignored "-Wreturn-type"
#define main example_main
#include "tests/experiments/readme_example.cpp"
#undef main

TEST_CASE("the program of the README learns") {
  const auto spec = datasets::dataset_registry().make("synthetic");
  testing::SetFields fields;
  fields.numbers = {{"train_images", 48.0}, {"validation_images", 0.0}, {"test_images", 1.0}};
  spec->fields(fields);
  const datasets::Splits data = spec->load();
  // Ten classes: chance is a loss of 2.3. The few images are one batch, which is learnt by heart.
  CHECK(fit(data, 10) < 2.2f);
}

TEST_CASE("the README shows the program that is tested") {
  const std::string root = ESPALIER_SOURCE_DIR;
  const std::string example = read_file(root + "/tests/experiments/readme_example.cpp", 1 << 20);
  CHECK(read_file(root + "/README.md", 1 << 20).find("```cpp\n" + example + "```") != std::string::npos);
}
