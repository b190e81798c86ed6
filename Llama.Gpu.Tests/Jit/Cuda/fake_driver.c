/* A driver without a device, for tests of the CUDA accelerator: the functions that it calls, with the types of cuda.h. Memory is
   the host's, work is done at once, and every launch is written to a log. A call without a current context fails as the real one does. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef void *Handle;

enum { SUCCESS = 0, INVALID_VALUE = 1, NO_MEMORY = 2, INVALID_CONTEXT = 201, INVALID_PTX = 218, INVALID_HANDLE = 400, NOT_FOUND = 500 };

typedef struct { char text[65536]; } Module;
typedef struct { Module *module; char name[256]; int dynamic; } Function;
typedef struct { int capturing; int captured; } Stream;
typedef struct { int launches; } Graph;

static char log_text[1 << 16];
static Handle stack[64];
static int depth, live, retained;
static char primary, foreign;

static void note(const char *text) { strncat(log_text, text, sizeof log_text - strlen(log_text) - 1); }
static CUresult in_context(void) { return depth > 0 ? SUCCESS : INVALID_CONTEXT; }
static CUresult make(Handle *result, size_t bytes)
{
    if (depth == 0) return INVALID_CONTEXT;
    live++;
    /* as the real one aligns memory */
    size_t whole = (bytes + 255) & ~(size_t)255;
    return (*result = aligned_alloc(256, whole)) ? memset(*result, 0, whole), SUCCESS : NO_MEMORY;
}
static CUresult drop(Handle handle)
{
    if (depth == 0) return INVALID_CONTEXT;
    if (!handle) return INVALID_HANDLE;
    live--;
    free(handle);
    return SUCCESS;
}

const char *fake_log(void) { return log_text; }
void fake_clear(void) { log_text[0] = 0; }
int fake_live(void) { return live; }
int fake_depth(void) { return depth; }
int fake_retained(void) { return retained; }
Handle fake_foreign(void) { return &foreign; }

CUresult cuInit(unsigned flags) { return flags == 0 ? SUCCESS : INVALID_VALUE; }
CUresult cuDriverGetVersion(int *version) { *version = 12040; return SUCCESS; }
CUresult cuGetErrorName(CUresult error, const char **name) { *name = error == INVALID_PTX ? "CUDA_ERROR_INVALID_PTX" : "CUDA_ERROR_FAKE"; return SUCCESS; }
CUresult cuGetErrorString(CUresult error, const char **text) { (void)error; *text = "told by the fake driver"; return SUCCESS; }
CUresult cuDeviceGetCount(int *count) { *count = 1; return SUCCESS; }
CUresult cuDeviceGet(CUdevice *device, int ordinal) { *device = 7; return ordinal == 0 ? SUCCESS : INVALID_VALUE; }
CUresult cuDeviceGetName(char *name, int length, CUdevice device) { snprintf(name, (size_t)length, "Fake %d", device); return SUCCESS; }
CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) { (void)device; *bytes = (size_t)5 << 30; return SUCCESS; }
CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device)
{
    static const int pairs[][2] = { {1, 1024}, {2, 1024}, {3, 1024}, {4, 64}, {5, 2147483647}, {6, 65535}, {7, 65535}, {8, 49152}, {10, 32},
        {16, 132}, {20, 0}, {36, 2619000}, {37, 5120}, {75, 9}, {76, 0}, {97, 232448} };
    if (device != 7) return INVALID_VALUE;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][0] == attribute) { *value = pairs[i][1]; return SUCCESS; }
    return INVALID_VALUE;
}

CUresult cuDevicePrimaryCtxRetain(Handle *context, CUdevice device) { (void)device; retained++; *context = &primary; return SUCCESS; }
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) { (void)device; retained--; return SUCCESS; }
CUresult cuCtxPushCurrent_v2(Handle context) { if (depth == 64 || !context) return INVALID_CONTEXT; stack[depth++] = context; return SUCCESS; }
CUresult cuCtxPopCurrent_v2(Handle *context) { if (depth == 0) return INVALID_CONTEXT; *context = stack[--depth]; return SUCCESS; }
CUresult cuCtxGetDevice(CUdevice *device) { *device = 7; return in_context(); }
CUresult cuCtxSynchronize(void) { return in_context(); }

CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total) { *free_bytes = (size_t)4 << 30; *total = (size_t)5 << 30; return in_context(); }
CUresult cuMemAlloc_v2(CUdeviceptr *pointer, size_t bytes)
{
    Handle memory = NULL;
    if (bytes == 0) return INVALID_VALUE;
    if (bytes > (size_t)5 << 30) return NO_MEMORY;
    CUresult result = make(&memory, bytes);
    *pointer = (CUdeviceptr)(uintptr_t)memory;
    return result;
}
CUresult cuMemFree_v2(CUdeviceptr pointer) { return drop((Handle)(uintptr_t)pointer); }
CUresult cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags) { return flags == 1 ? make(pointer, bytes) : INVALID_VALUE; }
CUresult cuMemFreeHost(void *pointer) { return drop(pointer); }
static CUresult copy(void *target, const void *source, size_t bytes, Stream *stream)
{
    if (stream->capturing) stream->captured++; else memmove(target, source, bytes);
    return in_context();
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t bytes, Handle stream) { return copy((void *)(uintptr_t)target, source, bytes, stream); }
CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t bytes, Handle stream) { return copy(target, (void *)(uintptr_t)source, bytes, stream); }
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t bytes, Handle stream) { return copy((void *)(uintptr_t)target, (void *)(uintptr_t)source, bytes, stream); }
CUresult cuMemsetD8Async(CUdeviceptr target, unsigned char value, size_t count, Handle stream) { (void)stream; memset((void *)(uintptr_t)target, value, count); return in_context(); }

CUresult cuStreamCreate(Handle *stream, unsigned flags) { return flags == 1 ? make(stream, sizeof(Stream)) : INVALID_VALUE; }
CUresult cuStreamDestroy_v2(Handle stream) { return drop(stream); }
CUresult cuStreamSynchronize(Handle stream) { return stream && ((Stream *)stream)->capturing ? 900 : in_context(); }
CUresult cuStreamWaitEvent(Handle stream, Handle event, unsigned flags)
{
    if (!stream || !event || flags) return INVALID_VALUE;
    note(*(int *)event ? "wait\n" : "wait for nothing\n");
    return in_context();
}
CUresult cuStreamBeginCapture_v2(Handle stream, int mode) { ((Stream *)stream)->capturing = 1; ((Stream *)stream)->captured = 0; return mode == 1 ? SUCCESS : INVALID_VALUE; }
CUresult cuStreamEndCapture(Handle stream, Handle *graph)
{
    CUresult result = make(graph, sizeof(Graph));
    if (result == SUCCESS) ((Graph *)*graph)->launches = ((Stream *)stream)->captured;
    ((Stream *)stream)->capturing = 0;
    return result;
}
CUresult cuGraphInstantiateWithFlags(Handle *executable, Handle graph, unsigned long long flags)
{
    CUresult result = flags ? INVALID_VALUE : make(executable, sizeof(Graph));
    if (result == SUCCESS) *(Graph *)*executable = *(Graph *)graph;
    return result;
}
CUresult cuGraphLaunch(Handle executable, Handle stream)
{
    char line[64];
    snprintf(line, sizeof line, "graph of %d\n", ((Graph *)executable)->launches);
    note(line);
    return stream ? in_context() : INVALID_HANDLE;
}
CUresult cuGraphExecDestroy(Handle executable) { return drop(executable); }
CUresult cuGraphDestroy(Handle graph) { return drop(graph); }

CUresult cuEventCreate(Handle *event, unsigned flags) { return flags == 0 || flags == 2 ? make(event, sizeof(int)) : INVALID_VALUE; }
CUresult cuEventRecord(Handle event, Handle stream) { *(int *)event = 1; return stream ? in_context() : INVALID_HANDLE; }
CUresult cuEventQuery(Handle event) { return *(int *)event ? in_context() : 600; }
CUresult cuEventSynchronize(Handle event) { (void)event; return in_context(); }
CUresult cuEventElapsedTime(float *milliseconds, Handle start, Handle end) { *milliseconds = 1.5f; return start && end ? in_context() : INVALID_HANDLE; }
CUresult cuEventDestroy_v2(Handle event) { return drop(event); }

CUresult cuModuleLoadDataEx(Handle *module, const void *image, unsigned count, int *options, void **values)
{
    CUresult result;
    if (count != 6 || options[2] != 5 || options[3] != 6 || options[5] != 13) return INVALID_VALUE;
    if (strstr(image, "refused_by_the_fake"))
    {
        snprintf(values[2], (size_t)(uintptr_t)values[3], "ptxas fake, line 1: not today");
        return INVALID_PTX;
    }
    result = make(module, sizeof(Module));
    if (result == SUCCESS) snprintf(((Module *)*module)->text, sizeof(Module), "%s", (const char *)image);
    return result;
}
CUresult cuModuleUnload(Handle module) { return drop(module); }
CUresult cuModuleGetFunction(Handle *function, Handle module, const char *name)
{
    Function *made;
    if (!strstr(((Module *)module)->text, name)) return NOT_FOUND;
    made = calloc(1, sizeof *made);
    made->module = module;
    made->dynamic = 49152;
    snprintf(made->name, sizeof made->name, "%s", name);
    *function = made;
    return in_context();
}
CUresult cuFuncGetAttribute(int *value, int attribute, Handle function) { (void)function; *value = attribute == 0 ? 1024 : attribute == 1 ? 0 : 24; return SUCCESS; }
CUresult cuFuncSetAttribute(Handle function, int attribute, int value)
{
    char line[64];
    if (attribute != 8) return INVALID_VALUE;
    ((Function *)function)->dynamic = value;
    snprintf(line, sizeof line, "shared %d\n", value);
    note(line);
    return in_context();
}
CUresult cuLaunchKernel(Handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
    Handle stream, void **parameters, void **extra)
{
    char line[256];
    Function *f = function;
    const char *at = f->module->text;
    int index = 0;
    if (extra || depth == 0 || (int)shared > f->dynamic) return INVALID_VALUE;
    if (((Stream *)stream)->capturing) { ((Stream *)stream)->captured++; return SUCCESS; }
    snprintf(line, sizeof line, "%s %u %u %u / %u %u %u / %u:", f->name, gx, gy, gz, bx, by, bz, shared);
    note(line);
    while ((at = strstr(at, ".param .b")))
    {
        int bits = atoi(at + 9);
        uint64_t value = 0;
        memcpy(&value, parameters[index++], (size_t)bits / 8);
        snprintf(line, sizeof line, " %llx", (unsigned long long)value);
        note(line);
        at += 9;
    }
    note("\n");
    return SUCCESS;
}
