#include "kernels/base/isa.h"

#include <cstdlib>
#include <string>

namespace espalier::kernels {
namespace {

constexpr Isa kBestFirst[] = {Isa::avx512, Isa::avx2, Isa::neon, Isa::portable};

struct Choice {
  Isa isa = Isa::portable;
  std::string error;
};

Choice choose() {
  Choice choice;
  for (Isa isa : kBestFirst) {
    if (isa_supported(isa)) {
      choice.isa = isa;
      break;
    }
  }
  const char* wanted = std::getenv("ESPALIER_ISA");
  if (wanted == nullptr || *wanted == '\0') return choice;
  for (Isa isa : kBestFirst) {
    if (isa_name(isa) != wanted) continue;
    if (isa_supported(isa)) {
      choice.isa = isa;
    } else {
      choice.error = "ESPALIER_ISA=" + std::string(wanted) + ": this CPU does not support it";
    }
    return choice;
  }
  choice.error = "ESPALIER_ISA=" + std::string(wanted) + ": expected portable, neon, avx2 or avx512";
  return choice;
}

const Choice& chosen() {
  static const Choice choice = choose();
  return choice;
}

}  // namespace

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return "portable";
    case Isa::neon:
      return "neon";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512bf16:
      return "avx512bf16";
  }
  return "unknown";
}

bool isa_supported(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return true;
#if defined(ESPALIER_X86)
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512bf16:
      return isa_supported(Isa::avx512) && __builtin_cpu_supports("avx512bf16");
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#elif defined(ESPALIER_ARM)
    case Isa::neon:
      return true;
#endif
    default:
      return false;
  }
}

Isa active_isa() { return chosen().isa; }

std::string_view isa_request_error() { return chosen().error; }

}  // namespace espalier::kernels
