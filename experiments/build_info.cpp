#include "experiments/build_info.h"

#include <fmt/format.h>

namespace espalier {

std::string build_description() {
#if defined(__clang__)
  const std::string compiler =
      fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  const std::string compiler = fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
#if defined(NDEBUG)
  const char* const assertions = "without assertions";
#else
  const char* const assertions = "with assertions";
#endif
  return fmt::format("{}, {}, {}", ESPALIER_VERSION, compiler, assertions);
}

}  // namespace espalier
