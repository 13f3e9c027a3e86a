include(${CMAKE_CURRENT_LIST_DIR}/aarch64.cmake)
