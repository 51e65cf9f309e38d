#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

/// What the calling thread has asked of the allocator and the kernel since it began.
typedef struct {
    /// Calls that gave memory: malloc, calloc, realloc, posix_memalign, aligned_alloc, memalign.
    uint64_t allocations;
    /// Octets those calls asked for.
    uint64_t octets;
    uint64_t recvmmsg;
    uint64_t sendmmsg;
    uint64_t epoll_wait;
} ac_counts;

/// The counts of the calling thread. Linking this target is what makes them count, in the whole process.
ac_counts ac_counts_of_this_thread(void);

#endif
