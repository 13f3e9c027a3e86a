include(${CMAKE_CURRENT_LIST_DIR}/armv7.cmake)
# Not a default of armv7: a program built so needs a CPU with NEON and fused multiply-add (Cortex-A7 and later).
set(CMAKE_CXX_FLAGS_INIT "-march=armv7-a -mfpu=neon-vfpv4")
