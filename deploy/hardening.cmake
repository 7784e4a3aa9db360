# phasegate_hardening: what makes a fault in C harder to use, for everything that is compiled here; generated code too.
# tests/hardening checks that the program that comes out has it. Sanitizers bring checks of their own in place of FORTIFY,
# which needs an optimised build.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C) # else programs are compiled as position-independent, and not linked as such

check_c_compiler_flag(-fstack-clash-protection PHASEGATE_HAS_STACK_CLASH)
check_c_compiler_flag(-fcf-protection=full PHASEGATE_HAS_CONTROL_FLOW) # x86 alone
# Where the compiler knows no level 3, the C library's headers warn of it.
set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
check_c_source_compiles("#include <string.h>\nint main(int n, char **v) { return (int)strlen(v[n - 1]); }"
  PHASEGATE_HAS_FORTIFY_3)
unset(CMAKE_REQUIRED_FLAGS)

add_library(phasegate_hardening INTERFACE)
target_compile_options(phasegate_hardening INTERFACE -fstack-protector-strong
  $<$<BOOL:${PHASEGATE_HAS_STACK_CLASH}>:-fstack-clash-protection>
  $<$<BOOL:${PHASEGATE_HAS_CONTROL_FLOW}>:-fcf-protection=full>)
target_link_options(phasegate_hardening INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
if(NOT PHASEGATE_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL Debug)
  set(PHASEGATE_FORTIFIED ON)
  target_compile_options(phasegate_hardening INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$<IF:$<BOOL:${PHASEGATE_HAS_FORTIFY_3}>,3,2>)
endif()
