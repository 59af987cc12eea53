// The limit of this machine: libargon2 in a loop, its work memory kept and wiped, on as many threads as asked.
// argon2 THREADS SECONDS prints hashes per second and per CPU second.
#include <argon2.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static __thread uint8_t *arena;
static double seconds;
static long counts[256];

static int take(uint8_t **memory, size_t size) {
    if (!arena) arena = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *memory = arena;
    return arena == MAP_FAILED ? ARGON2_MEMORY_ALLOCATION_ERROR : 0;
}
static void give(uint8_t *memory, size_t size) { (void)memory; (void)size; }
static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}
static void hash(void) {
    uint8_t out[32], password[] = "correct horse battery", salt[] = "0123456789abcdef";
    argon2_context context = {0};
    context.out = out; context.outlen = 32;
    context.pwd = password; context.pwdlen = 21;
    context.salt = salt; context.saltlen = 16;
    context.t_cost = 2; context.m_cost = 19456; context.lanes = 1; context.threads = 1;
    context.version = ARGON2_VERSION_13;
    context.allocate_cbk = take; context.free_cbk = give;
    if (argon2_ctx(&context, Argon2_id) != 0) exit(2);
}
static void *work(void *index) {
    hash();
    double end = now(CLOCK_MONOTONIC) + seconds;
    while (now(CLOCK_MONOTONIC) < end) { hash(); counts[(long)index]++; }
    return 0;
}
int main(int count, char **arguments) {
    if (count != 3) return 2;
    long threads = atoi(arguments[1]), total = 0;
    seconds = atof(arguments[2]);
    pthread_t thread[256];
    for (long i = 0; i < threads; i++) pthread_create(&thread[i], 0, work, (void *)i);
    for (long i = 0; i < threads; i++) { pthread_join(thread[i], 0); total += counts[i]; }
    printf("{\"per_second\":%.2f,\"per_cpu_second\":%.2f}\n", total / seconds, (total + threads) / now(CLOCK_PROCESS_CPUTIME_ID));
}
