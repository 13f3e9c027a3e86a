#include "framework/optim/registry.h"

#include <doctest/doctest.h>

#include "tests/framework/optim/optimizer_fixture.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::testing;

TEST_CASE("every optimizer of the registry is built with the settings it was given") {
  for (const std::string& name : optim::optimizer_registry().names()) {
    CAPTURE(name);
    OptimizerFixture fixture;
    const auto spec = optim::optimizer_registry().make(name);
    SetFields fields;
    fields.numbers["lr"] = 0.25;
    spec->fields(fields);
    const auto optimizer = spec->build(fixture.parameters());
    CHECK(optimizer->base_lr() == 0.25);
    fixture.draw_gradients(1);
    optimizer->step();
    CHECK_NOTHROW(optimizer->check_masks());
  }
}
