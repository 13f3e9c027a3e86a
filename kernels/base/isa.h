// The instruction sets that kernels are written for, and which of them this process uses.
#pragma once

#include <string_view>

#if defined(__x86_64__)
#define ESPALIER_X86 1
#elif defined(__aarch64__) || defined(__arm__)
#define ESPALIER_ARM 1
#endif

namespace espalier::kernels {

// In ascending order. avx512bf16 is AVX-512 with instructions for bf16, and amx that with products of matrix
// tiles, which only some families have kernels of.
enum class Isa { portable, neon, avx2, avx512, avx512bf16, amx };

std::string_view isa_name(Isa isa);

// Can this CPU run kernels compiled for `isa`?
bool isa_supported(Isa isa);

// The last that this process uses: the best that the CPU supports, or the one that
// ESPALIER_ISA=portable|neon|avx2|avx512|avx512bf16|amx asks for. Read once. A value that is unknown or that
// the CPU lacks is reported by `isa_request_error()` and otherwise ignored.
Isa isa_limit();

// The one that vectors are computed with: avx512 where the limit is an extension of it.
Isa active_isa();

// Empty, or why ESPALIER_ISA could not be followed.
std::string_view isa_request_error();

}  // namespace espalier::kernels
