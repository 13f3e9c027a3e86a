// What `espalier bench attention` prints.
#pragma once

#include "experiments/bench/attention.h"

namespace espalier::cli {

void print_attention_json(const bench::AttentionBenchOptions& options);
void print_attention_table(const bench::AttentionBenchOptions& options);

}  // namespace espalier::cli
