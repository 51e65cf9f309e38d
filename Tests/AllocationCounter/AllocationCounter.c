#define _GNU_SOURCE 1
#include "AllocationCounter.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// The program's own definitions come before those of libc for every library in the process. The memory is libc's
// all the same, so that `free` needs no part in this.

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static __thread ac_counts counts __attribute__((tls_model("initial-exec")));

static void count(size_t octets) {
    counts.allocations++;
    counts.octets += octets;
}

ac_counts ac_counts_of_this_thread(void) { return counts; }

void *malloc(size_t size) {
    count(size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count(size);
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    void *memory = memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int length, int flags, struct timespec *timeout) {
    counts.recvmmsg++;
    return (int)syscall(SYS_recvmmsg, fd, messages, length, flags, timeout);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int length, int flags) {
    counts.sendmmsg++;
    return (int)syscall(SYS_sendmmsg, fd, messages, length, flags);
}

int epoll_wait(int epoll, struct epoll_event *events, int maximum, int timeout) {
    counts.epoll_wait++;
    return (int)syscall(SYS_epoll_pwait, epoll, events, maximum, timeout, NULL, 8);
}
