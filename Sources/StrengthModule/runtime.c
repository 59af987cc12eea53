// The few functions of a C library that Swift's embedded runtime calls, for a module that runs in a page.
// Memory is handed out in blocks of powers of two; a freed block goes on its size's list and is taken from there again.

#include <stddef.h>
#include <stdint.h>

typedef struct Block {
    struct Block *next;
    size_t size_class;
} Block;

_Static_assert(sizeof(Block) <= 16, "the header must keep blocks aligned");

enum { HEADER = 16, PAGE = 65536, CLASSES = 32 };

extern unsigned char __heap_base;
static Block *free_blocks[CLASSES];
static uintptr_t heap_end;

static void *allocate(size_t size) {
    size_t size_class = 5;
    while (((size_t)1 << size_class) < size + HEADER)
        if (++size_class == CLASSES) return NULL;
    Block *block = free_blocks[size_class];
    if (block) {
        free_blocks[size_class] = block->next;
    } else {
        if (!heap_end) heap_end = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
        uintptr_t end = heap_end + ((size_t)1 << size_class);
        size_t have = (size_t)__builtin_wasm_memory_size(0) * PAGE;
        if (end > have && __builtin_wasm_memory_grow(0, (end - have + PAGE - 1) / PAGE) == (size_t)-1) return NULL;
        block = (Block *)heap_end;
        heap_end = end;
    }
    block->size_class = size_class;
    return (unsigned char *)block + HEADER;
}

// Swift asks for alignments up to 16 only.
int posix_memalign(void **result, size_t alignment, size_t size) {
    *result = alignment <= 16 ? allocate(size) : NULL;
    return *result ? 0 : 12;
}

void free(void *pointer) {
    if (!pointer) return;
    Block *block = (Block *)((unsigned char *)pointer - HEADER);
    // What was typed doesn't stay behind.
    volatile unsigned char *left = pointer;
    for (size_t i = 0; i < ((size_t)1 << block->size_class) - HEADER; i++) left[i] = 0;
    block->next = free_blocks[block->size_class];
    free_blocks[block->size_class] = block;
}

void *memmove(void *to, const void *from, size_t count) {
    unsigned char *target = to;
    const unsigned char *source = from;
    if (target <= source) {
        for (size_t i = 0; i < count; i++) target[i] = source[i];
    } else {
        while (count--) target[count] = source[count];
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t count) { return memmove(to, from, count); }

void *memset(void *to, int value, size_t count) {
    unsigned char *target = to;
    for (size_t i = 0; i < count; i++) target[i] = (unsigned char)value;
    return to;
}

int memcmp(const void *one, const void *other, size_t count) {
    const unsigned char *a = one, *b = other;
    for (size_t i = 0; i < count; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return 0;
}

// No text is ever printed and nothing is hashed with a seed: a page's module has neither console nor randomness.
int putchar(int character) { return character; }
void arc4random_buf(void *to, size_t count) { memset(to, 7, count); }

uintptr_t __stack_chk_guard = 0x5bd1e995;
_Noreturn void __stack_chk_fail(void) { __builtin_trap(); }
