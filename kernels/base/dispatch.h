// How a family's kernels.inc becomes a choice at run time.
//
// Each row of a kernels.inc names one kernel, best first, the portable one last. The same rows feed
// the dispatch, the test that runs every kernel this CPU supports, and the benchmark.
#pragma once

#include "kernels/base/isa.h"

namespace espalier::kernels {

// May a kernel compiled for `isa` be picked in this process? Portable code always; otherwise the active ISA's,
// and AVX2's where AVX-512 is active.
inline bool isa_eligible(Isa isa) {
  const Isa active = active_isa();
  return isa == Isa::portable || isa == active || (isa == Isa::avx2 && active == Isa::avx512);
}

// The first table of a family, in the order of its rows, that may be used. For families whose kernels all exist
// for every ISA: a table is a struct of function pointers with a member `isa`.
template <class Table, int Count>
const Table& first_eligible(const Table* const (&rows)[Count]) {
  for (const Table* row : rows) {
    if (isa_eligible(row->isa)) return *row;
  }
  return *rows[Count - 1];
}

}  // namespace espalier::kernels
