#include "kernels/base/isa.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#if defined(ESPALIER_X86)
#include <cpuid.h>
#endif
#if defined(__arm__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace espalier::kernels {
namespace {

constexpr Isa kBestFirst[] = {Isa::amx, Isa::avx512bf16, Isa::avx512, Isa::avx2, Isa::neon, Isa::portable};

struct Choice {
  Isa limit = Isa::portable;
  std::string error;
};

Choice choose() {
  Choice choice;
  for (Isa isa : kBestFirst) {
    if (isa_supported(isa)) {
      choice.limit = isa;
      break;
    }
  }
  const char* wanted = std::getenv("ESPALIER_ISA");
  if (wanted == nullptr || *wanted == '\0') return choice;
  for (Isa isa : kBestFirst) {
    if (isa_name(isa) != wanted) continue;
    if (isa_supported(isa)) {
      choice.limit = isa;
    } else {
      choice.error = "ESPALIER_ISA=" + std::string(wanted) + ": this CPU does not support it";
    }
    return choice;
  }
  choice.error =
      "ESPALIER_ISA=" + std::string(wanted) + ": expected portable, neon, avx2, avx512, avx512bf16 or amx";
  return choice;
}

#if defined(ESPALIER_X86)
// Tiles of bf16 in the CPU, and the system's leave to use them: it saves 8 KiB more of a thread's registers
// from then on, so a process has to ask. Linux has had the call since 5.16.
bool tiles_permitted() {
  static const bool permitted = [] {
#if defined(__linux__) && defined(SYS_arch_prctl)
    constexpr int kLeafFeatures = 7, kRequestPermission = 0x1023, kTileData = 18;
    constexpr unsigned kBf16Tiles = 1u << 22, kTiles = 1u << 24;
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(kLeafFeatures, 0, &a, &b, &c, &d) == 0) return false;
    if ((d & kBf16Tiles) == 0 || (d & kTiles) == 0) return false;
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
    return false;
#endif
  }();
  return permitted;
}
#endif

#if defined(__arm__)
// With fused multiply-adds: Cortex-A7 and later.
bool has_neon() {
  constexpr unsigned long kNeeded = HWCAP_NEON | HWCAP_VFPv4;
  return (getauxval(AT_HWCAP) & kNeeded) == kNeeded;
}
#endif

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
    case Isa::amx:
      return "amx";
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
    case Isa::amx:
      return isa_supported(Isa::avx512bf16) && tiles_permitted();
    case Isa::avx512bf16:
      return isa_supported(Isa::avx512) && __builtin_cpu_supports("avx512bf16");
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#elif defined(__aarch64__)
    case Isa::neon:
      return true;
#elif defined(__arm__)
    case Isa::neon:
      return has_neon();
#endif
    default:
      return false;
  }
}

Isa isa_limit() { return chosen().limit; }

Isa active_isa() { return std::min(isa_limit(), Isa::avx512); }

std::string_view isa_request_error() { return chosen().error; }

}  // namespace espalier::kernels
