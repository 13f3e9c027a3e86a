// espalier methods: every name that a config can use, by family.
#include <fmt/format.h>

#include "experiments/cli/command.h"

namespace espalier::cli {

int methods(int argc, char** argv) {
  cxxopts::Options options("espalier methods", "list what configs can name");
  if (!parse(options, argc, argv)) return 0;
  return 0;
}

}  // namespace espalier::cli
