// A copy of settings whose parts cannot be copied themselves: written out and read back.
#pragma once

#include "experiments/config/document.h"
#include "experiments/config/reader.h"
#include "experiments/config/toml_writer.h"

namespace espalier {

template <class Struct>
Struct clone_settings(Struct& settings) {
  Struct copy;
  read_config(parse_config_text(config_toml(settings), "settings"), copy);
  return copy;
}

}  // namespace espalier
