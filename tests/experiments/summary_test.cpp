#include "experiments/summary.h"

#include <doctest/doctest.h>

using namespace espalier;

TEST_CASE("density is the part of a layer's parameters that is left, and all of a layer without any") {
  nn::LayerSummary layer;
  layer.parameters = 8;
  layer.nonzeros = 2;
  CHECK(density(layer) == 0.25);
  CHECK(density(nn::LayerSummary()) == 1.0);
}
