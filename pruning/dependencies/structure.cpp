#include "pruning/dependencies/structure.h"

#include <fmt/format.h>

namespace espalier::pruning {

std::string counted(std::int64_t count, Structure structure) {
  struct Noun {
    const char *one, *more;
  };
  static constexpr Noun kNouns[] = {{"filter", "filters"},
                                    {"neuron", "neurons"},
                                    {"head", "heads"},
                                    {"branch", "branches"},
                                    {"layer", "layers"}};
  const Noun& noun = kNouns[static_cast<std::size_t>(structure)];
  return fmt::format("{} {}", count, count == 1 ? noun.one : noun.more);
}

}  // namespace espalier::pruning
