#include "kernels/base/philox.h"

#include <doctest/doctest.h>

namespace espalier::kernels {

// Known answers of Random123 1.14 (kat_vectors): philox4x32-10.
TEST_CASE("philox gives the published numbers") {
  std::uint32_t out[kPhiloxBatch];
  philox(0, 0, out);
  const std::uint32_t expected[4] = {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u};
  for (int word = 0; word < 4; ++word) CHECK(out[16 * word] == expected[word]);
}

}  // namespace espalier::kernels
