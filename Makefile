# Thin wrappers over CMake. `make help` lists them.
JOBS ?= $(shell nproc)
CONFIG ?= experiments/configs/quickstart.toml

# $(call configure,<folder>,<cmake options>): Ninja where it is installed; an existing folder keeps its generator.
generator = $(if $(wildcard $(1)/CMakeCache.txt),,$(if $(shell command -v ninja),-G Ninja))
configure = cmake -S . -B $(1) $(call generator,$(1)) $(2)
compile = cmake --build $(1) -j $(JOBS) $(2)
run_tests = ctest --test-dir $(1) --output-on-failure -j $(JOBS) $(2)

# Kernels are compiled for other machines too, and their tests run there under qemu-user.
CROSS := aarch64-neon aarch64-portable armv7-neon armv7-portable
SANITIZE_FLAGS := -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1"

.PHONY: help run build test native-test cross bench tidy sanitize thread-sanitize clang clean deps

help:
	@echo "make run       install what is missing, build, and train and prune a small network (CONFIG=...)"
	@echo "make test      all tests: this machine's, and the kernels' on ARM under qemu"
	@echo "make build     build/espalier alone"
	@echo "make bench     speed of convolutions and of training on this machine"
	@echo "make sanitize  the tests under AddressSanitizer and UBSan, the loader's under ThreadSanitizer"
	@echo "make tidy      clang-format and clang-tidy; changes nothing (half an hour)"
	@echo "make clang     compile everything with clang++ and run the tests"
	@echo "make cross     the kernels' tests on $(CROSS)"
	@echo "make deps      install the Debian packages that are missing, for build and tests"
	@echo "make clean     remove what was built"
	@echo "JOBS=$(JOBS) compilations at a time"

deps:
	@.ci/install-deps test

build:
	@.ci/install-deps build
	@$(call configure,build,)
	@$(call compile,build,--target espalier)

run: build
	build/espalier run $(CONFIG)

bench: build
	build/espalier bench conv
	build/espalier bench train

test: native-test cross

native-test: deps
	@$(call configure,build,)
	@$(call compile,build,)
	@$(call run_tests,build,)

# Side by side, one core each: an emulated test keeps one busy.
cross: deps
	@+$(MAKE) --no-print-directory --output-sync=target -j$(JOBS) JOBS=1 $(CROSS:%=cross-%)

cross-%:
	@echo "kernels on $*, under qemu"
	@$(call configure,build-$*,-DCMAKE_TOOLCHAIN_FILE=tests/cross/$*.cmake -DESPALIER_KERNELS_ONLY=ON)
	@$(call compile,build-$*,)
	@$(call run_tests,build-$*,)

sanitize: thread-sanitize
	@.ci/install-deps test
	@$(call configure,build-asan,-DESPALIER_SANITIZE=address$(comma)undefined $(SANITIZE_FLAGS))
	@$(call compile,build-asan,)
	@$(call run_tests,build-asan,)

# What is watched are the loader's own threads. GCC's OpenMP runtime is not instrumented, so none of its.
thread-sanitize:
	@.ci/install-deps test
	@$(call configure,build-tsan,-DESPALIER_SANITIZE=thread $(SANITIZE_FLAGS))
	@$(call compile,build-tsan,--target datasets_test)
	OMP_THREAD_LIMIT=1 build-tsan/datasets_test --source-file='*loader_test*' | tee build-tsan/log
	@grep -q '[1-9][0-9]* passed' build-tsan/log

clang:
	@.ci/install-deps tidy
	@$(call configure,build-clang,-DCMAKE_CXX_COMPILER=clang++)
	@$(call compile,build-clang,)
	@$(call run_tests,build-clang,)

tidy:
	@.ci/install-deps tidy
	@$(call configure,build,)
	git ls-files '*.cpp' '*.h' | xargs clang-format --dry-run -Werror
	run-clang-tidy -quiet -p build -j $(JOBS)

clean:
	rm -rf build build-*

comma := ,
