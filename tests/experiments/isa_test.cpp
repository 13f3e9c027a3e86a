// ESPALIER_ISA, which a process reads once.
#include "kernels/base/isa.h"

#include <doctest/doctest.h>

#include "tests/experiments/program.h"

using namespace espalier;
using kernels::Isa;
using testing::Outcome;

TEST_CASE("ESPALIER_ISA is the last instruction set that a process uses") {
  constexpr Isa kAll[] = {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512, Isa::avx512bf16, Isa::amx};
  for (const Isa limit : kAll) {
    if (!kernels::isa_supported(limit)) continue;
    const std::string name(kernels::isa_name(limit));
    CAPTURE(name);
    const testing::Variable isa("ESPALIER_ISA", name);
    const Outcome doctor = testing::run_program({"doctor", "--json"});
    REQUIRE(doctor.exit_code == 0);
    CHECK(nlohmann::json::parse(doctor.output).at("cpu").at("isa") == name);
    // A stem of bf16 has a kernel on each.
    const Outcome bench =
        testing::run_program({"bench", "conv", "--only", "IC3,forward,native", "--precision", "bf16",
                              "--batch", "16", "--rounds", "1", "--json"});
    REQUIRE(bench.exit_code == 0);
    const std::string kernel = nlohmann::json::parse(bench.output).at("kernel");
    CAPTURE(kernel);
    CHECK(kernel.ends_with("_" + name));
  }
}

TEST_CASE("an ESPALIER_ISA that is unknown is reported and ignored") {
  const testing::Variable isa("ESPALIER_ISA", "avx1024");
  const Outcome outcome = testing::run_program({"doctor", "--json"});
  CHECK(outcome.output.find("expected portable, neon, avx2, avx512, avx512bf16 or amx") != std::string::npos);
}
