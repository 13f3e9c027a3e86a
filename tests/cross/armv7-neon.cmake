include(${CMAKE_CURRENT_LIST_DIR}/armv7.cmake)
