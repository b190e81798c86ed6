/* A driver without a device, for tests of the CUDA accelerator: the functions that it calls, with the types of cuda.h. Memory is
   the host's, and every launch is written to a log; what a stream captures is written when the capture ends, each node with the one it
   comes after, and not done, not by a replay either. A call without a current context fails as the real one does. Work is done at once,
   or, after fake_lazy(1), as late as the rules of streams and events allow: copies wait in their stream until the host, or a stream that
   the host waits for, needs them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef void *Handle;

enum { SUCCESS = 0, INVALID_VALUE = 1, NO_MEMORY = 2, INVALID_CONTEXT = 201, INVALID_PTX = 218, INVALID_HANDLE = 400, NOT_FOUND = 500, ILLEGAL_ADDRESS = 700 };
enum { ALIGNMENT = 256 };

typedef struct { char text[65536]; } Module;
typedef struct { Module *module; char name[256]; int dynamic; } Function;
typedef struct Op { int kind, version; void *target; const void *source; size_t bytes; struct Event *event; struct Stream *of; struct Op *next; } Op;
typedef struct Stream { int id, capturing, captured; Op *first, *last; char nodes[1 << 18]; } Stream;
typedef struct Event { int id, recorded, done; Stream *of; } Event;
typedef struct { int launches; } Graph;

enum { COPY = 1, WAIT, RECORD };

static char log_text[1 << 20];
static pthread_mutex_t gate = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static __thread Handle stack[64];
static __thread int depth, host_waits;
static int live, retained, lazy, tracing, streams, events, pending, misused, objects_left = -1, copies_left = -1, refuses_capture;
static char primary, foreign;

/* every function that touches what threads share begins with this, and gives the gate back where it returns */
static void leave(pthread_mutex_t **held) { pthread_mutex_unlock(*held); }
#define TOGETHER __attribute__((cleanup(leave))) pthread_mutex_t *held = &gate; pthread_mutex_lock(held)

static void note(const char *text) { TOGETHER; strncat(log_text, text, sizeof log_text - strlen(log_text) - 1); }
static void trace(const char *what, int first, const char *between, long second)
{
    char line[96];
    if (!tracing) return;
    snprintf(line, sizeof line, "%s %d%s%ld\n", what, first, between, second);
    note(line);
}
static CUresult in_context(void) { return depth > 0 ? SUCCESS : INVALID_CONTEXT; }
static CUresult make(Handle *result, size_t bytes)
{
    TOGETHER;
    if (depth == 0) return INVALID_CONTEXT;
    if (objects_left == 0) return NO_MEMORY;
    if (objects_left > 0) objects_left--;
    /* aligned as the real one's, behind what is given back later; calloc gives pages that take no room until somebody touches them */
    char *block = calloc(1, bytes + 2 * ALIGNMENT);
    if (!block) return NO_MEMORY;
    live++;
    char *memory = (char *)(((uintptr_t)block + 2 * ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
    ((void **)memory)[-1] = block;
    *result = memory;
    return SUCCESS;
}
static CUresult drop(Handle handle)
{
    TOGETHER;
    if (depth == 0) return INVALID_CONTEXT;
    if (!handle) return INVALID_HANDLE;
    live--;
    free(((void **)handle)[-1]);
    return SUCCESS;
}

/* does the next thing that waits in a stream, after what it waits for in others */
static void step(Stream *stream)
{
    Op *op = stream->first;
    if (op->kind == WAIT) while (op->event->done < op->version && op->of->first) step(op->of);
    if (op->kind == COPY) memmove(op->target, op->source, op->bytes);
    if (op->kind == RECORD && op->event->done < op->version) op->event->done = op->version;
    stream->first = op->next;
    if (!stream->first) stream->last = NULL;
    pending--;
    free(op);
}
static void finish(Stream *stream) { while (stream->first) step(stream); }
static void queue(Stream *stream, Op what)
{
    Op *op = malloc(sizeof *op);
    *op = what;
    op->next = NULL;
    if (stream->last) stream->last->next = op; else stream->first = op;
    stream->last = op;
    pending++;
    if (!lazy) finish(stream);
}
/* memory may not go while something waits that needs it; streams cannot be listed, so this asks whether anything waits at all */
static CUresult drop_memory(Handle memory)
{
    TOGETHER;
    if (pending) misused++;
    return drop(memory);
}

void fake_lazy(int on) { lazy = on; }
void fake_trace(int on) { tracing = on; streams = events = 0; }
void fake_fail_after_objects(int count) { objects_left = count; }
void fake_fail_after_copies(int count) { copies_left = count; }
int fake_pending(void) { return pending; }
int fake_misused(void) { return misused; }
int fake_host_waits(void) { return host_waits; }
/* what a stream does: a node of what it captures, in the order of the stream, or else a line of the log */
static void act(Stream *stream, const char *text)
{
    char head[64];
    if (!stream->capturing) { note(text); return; }
    snprintf(head, sizeof head, "node %d after %d: ", stream->captured + 1, stream->captured);
    stream->captured++;
    strncat(stream->nodes, head, sizeof stream->nodes - strlen(stream->nodes) - 1);
    strncat(stream->nodes, text, sizeof stream->nodes - strlen(stream->nodes) - 1);
}

const char *fake_log(void) { return log_text; }
void fake_clear(void) { log_text[0] = 0; }
int fake_live(void) { return live; }
int fake_depth(void) { return depth; }
int fake_retained(void) { return retained; }
Handle fake_foreign(void) { return &foreign; }
void fake_refuse_capture(int refuses) { refuses_capture = refuses; }

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
CUresult cuCtxSynchronize(void) { host_waits++; return in_context(); }

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
CUresult cuMemFree_v2(CUdeviceptr pointer) { return drop_memory((Handle)(uintptr_t)pointer); }
CUresult cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags) { return flags == 1 ? make(pointer, bytes) : INVALID_VALUE; }
CUresult cuMemFreeHost(void *pointer) { return drop_memory(pointer); }
static CUresult copy(void *target, const void *source, size_t bytes, Stream *stream)
{
    char line[64];
    TOGETHER;
    if (copies_left == 0) return ILLEGAL_ADDRESS;
    if (copies_left > 0) copies_left--;
    if (stream->capturing)
    {
        snprintf(line, sizeof line, "copy of %zu bytes\n", bytes);
        act(stream, line);
    }
    else
    {
        trace("copy on", stream->id, ": ", (long)bytes);
        queue(stream, (Op){ .kind = COPY, .target = target, .source = source, .bytes = bytes });
    }
    return in_context();
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t bytes, Handle stream) { return copy((void *)(uintptr_t)target, source, bytes, stream); }
CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t bytes, Handle stream) { return copy(target, (void *)(uintptr_t)source, bytes, stream); }
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t bytes, Handle stream) { return copy((void *)(uintptr_t)target, (void *)(uintptr_t)source, bytes, stream); }
CUresult cuMemsetD8Async(CUdeviceptr target, unsigned char value, size_t count, Handle stream)
{
    TOGETHER;
    finish(stream);
    memset((void *)(uintptr_t)target, value, count);
    return in_context();
}

CUresult cuStreamCreate(Handle *stream, unsigned flags)
{
    TOGETHER;
    CUresult result = flags == 1 ? make(stream, sizeof(Stream)) : INVALID_VALUE;
    if (result == SUCCESS) ((Stream *)*stream)->id = ++streams;
    return result;
}
CUresult cuStreamDestroy_v2(Handle stream)
{
    TOGETHER;
    if (stream) finish(stream);
    return drop(stream);
}
CUresult cuStreamSynchronize(Handle stream)
{
    TOGETHER;
    host_waits++;
    if (stream && ((Stream *)stream)->capturing) return 900;
    if (stream) finish(stream);
    return in_context();
}
CUresult cuStreamWaitEvent(Handle stream, Handle event, unsigned flags)
{
    TOGETHER;
    Event *e = event;
    if (!stream || !event || flags) return INVALID_VALUE;
    if (tracing) trace("wait on", ((Stream *)stream)->id, " for event ", e->id);
    else note(e->recorded ? "wait\n" : "wait for nothing\n");
    if (e->recorded) queue(stream, (Op){ .kind = WAIT, .version = e->recorded, .event = e, .of = e->of });
    return in_context();
}
CUresult cuStreamBeginCapture_v2(Handle stream, int mode)
{
    if (refuses_capture) return 801;
    ((Stream *)stream)->capturing = 1;
    ((Stream *)stream)->captured = 0;
    ((Stream *)stream)->nodes[0] = 0;
    return mode == 1 ? SUCCESS : INVALID_VALUE;
}
CUresult cuStreamEndCapture(Handle stream, Handle *graph)
{
    CUresult result = make(graph, sizeof(Graph));
    if (result == SUCCESS) ((Graph *)*graph)->launches = ((Stream *)stream)->captured;
    ((Stream *)stream)->capturing = 0;
    note(((Stream *)stream)->nodes);
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

CUresult cuEventCreate(Handle *event, unsigned flags)
{
    TOGETHER;
    CUresult result = flags == 0 || flags == 2 ? make(event, sizeof(Event)) : INVALID_VALUE;
    if (result == SUCCESS) ((Event *)*event)->id = ++events;
    return result;
}
CUresult cuEventRecord(Handle event, Handle stream)
{
    TOGETHER;
    Event *e = event;
    if (!stream) return INVALID_HANDLE;
    trace("record event", e->id, " on ", ((Stream *)stream)->id);
    e->of = stream;
    queue(stream, (Op){ .kind = RECORD, .version = ++e->recorded, .event = e });
    return in_context();
}
CUresult cuEventQuery(Handle event) { TOGETHER; Event *e = event; return e->recorded && e->done == e->recorded ? in_context() : 600; }
CUresult cuEventSynchronize(Handle event)
{
    TOGETHER;
    Event *e = event;
    host_waits++;
    trace("host waits for event", e->id, " of ", e->of ? e->of->id : 0);
    while (e->done < e->recorded && e->of->first) step(e->of);
    return in_context();
}
CUresult cuEventElapsedTime(float *milliseconds, Handle start, Handle end) { *milliseconds = 1.5f; return start && end ? in_context() : INVALID_HANDLE; }
CUresult cuEventDestroy_v2(Handle event)
{
    TOGETHER;
    if (pending) misused++;
    return drop(event);
}

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
/* a map is its own text; a real one is 128 bytes at a multiple of 64 too */
CUresult cuTensorMapEncodeTiled(void *map, int type, unsigned rank, void *address, const uint64_t *extents, const uint64_t *strides,
    const unsigned *box, const unsigned *steps, int interleave, int swizzle, int promotion, int fill)
{
    if ((uintptr_t)map % 64 || rank != 2 || (uintptr_t)address % 16 || strides[0] % 16 || steps[0] != 1 || steps[1] != 1 || interleave || fill)
        return INVALID_VALUE;
    snprintf(map, 128, "<type %d, %llu x %llu at %llx, box %u x %u, swizzle %d, promotion %d>", type, (unsigned long long)extents[1],
        (unsigned long long)extents[0], (unsigned long long)(uintptr_t)address, box[1], box[0], swizzle, promotion);
    return SUCCESS;
}
CUresult cuLaunchKernel(Handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
    Handle stream, void **parameters, void **extra)
{
    char line[2048];
    Function *f = function;
    const char *at = f->module->text;
    int index = 0;
    if (extra || depth == 0 || (int)shared > f->dynamic) return INVALID_VALUE;
    size_t length;
    snprintf(line, sizeof line, "%s %u %u %u / %u %u %u / %u:", f->name, gx, gy, gz, bx, by, bz, shared);
    while ((at = strstr(at, ".param .")))
    {
        length = strlen(line);
        if (at[8] == 'a')
        {
            snprintf(line + length, sizeof line - length, " %.127s", (const char *)parameters[index++]);
            at += 9;
            continue;
        }
        int bits = atoi(at + 9);
        uint64_t value = 0;
        memcpy(&value, parameters[index++], (size_t)bits / 8);
        snprintf(line + length, sizeof line - length, " %llx", (unsigned long long)value);
        at += 9;
    }
    strncat(line, "\n", sizeof line - strlen(line) - 1);
    act(stream, line);
    return SUCCESS;
}
