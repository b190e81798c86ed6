/* A profiler's NVTX library, for tests: takes the ranges that a program pushes and pops and appends them to the file that
   FAKE_PROFILER_LOG names. The declarations are those of nvtx3's nvtxTypes.h. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef void (*Function)(void);
typedef Function **FunctionTable;
typedef struct { size_t size; int (*get_module_function_table)(int module, FunctionTable *table, unsigned *size); } Callbacks;
typedef struct { size_t size; uint32_t version, reserved; void (*set_injection_version)(uint32_t version); } VersionInfo;

enum { CALLBACKS = 1, VERSION_INFO = 3, CORE = 1, CORE2 = 5, RANGE_PUSH_A = 9, RANGE_POP = 11, DOMAIN_RANGE_POP = 5 };

static FILE *log_file;
static int depth;

static int push(const char *name) { fprintf(log_file, "%*s%s\n", depth, "", name); fflush(log_file); return depth++; }
static int pop(void) { return --depth; }

int InitializeInjectionNvtx2(const void *(*get_export_table)(uint32_t id))
{
    const Callbacks *callbacks = get_export_table(CALLBACKS);
    const VersionInfo *version = get_export_table(VERSION_INFO);
    FunctionTable table = NULL;
    unsigned size = 0;
    if (!getenv("FAKE_PROFILER_LOG") || !(log_file = fopen(getenv("FAKE_PROFILER_LOG"), "a"))) return 0;
    if (!callbacks || callbacks->size < sizeof *callbacks || !version || version->version != 3 || get_export_table(99)) return 0;
    version->set_injection_version(3);
    if (!callbacks->get_module_function_table(CORE2, &table, &size) || size <= DOMAIN_RANGE_POP) return 0;
    if (callbacks->get_module_function_table(99, &table, &size)) return 0;
    if (!callbacks->get_module_function_table(CORE, &table, &size) || size <= RANGE_POP) return 0;
    *table[RANGE_PUSH_A] = (Function)push;
    *table[RANGE_POP] = (Function)pop;
    return 1;
}
