// Numbers below a float's full precision, 1.2e-38, as zeros, where they would be met again and again. What a
// dead channel's gradient has left in the moments of its weights decays to them; they mean nothing, but every
// instruction that meets one takes a hundred cycles and more.
#pragma once

#include <cstdint>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace espalier::kernels {
namespace {  // each ISA has its own, in its instructions

// In this thread, while it lives. 32-bit NEON knows no other way, portable code on other CPUs keeps its own.
class FlushDenormals {
 public:
  FlushDenormals() : before_(read()) {
    if ((before_ & kFlush) != kFlush) write(before_ | kFlush);
  }
  ~FlushDenormals() {
    if ((before_ & kFlush) != kFlush) write(before_);
  }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__SSE__)
  static constexpr std::uint64_t kFlush = 0x8040;  // results and operands
  static std::uint64_t read() { return _mm_getcsr(); }
  static void write(std::uint64_t mode) { _mm_setcsr(static_cast<unsigned>(mode)); }
#elif defined(__aarch64__)
  static constexpr std::uint64_t kFlush = 1u << 24;
  static std::uint64_t read() {
    std::uint64_t mode;
    asm volatile("mrs %0, fpcr" : "=r"(mode) : : "memory");
    return mode;
  }
  static void write(std::uint64_t mode) { asm volatile("msr fpcr, %0" : : "r"(mode) : "memory"); }
#else
  static constexpr std::uint64_t kFlush = 0;
  static std::uint64_t read() { return 0; }
  static void write(std::uint64_t) {}
#endif

  std::uint64_t before_;
};

}  // namespace
}  // namespace espalier::kernels
