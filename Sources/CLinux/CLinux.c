#define _GNU_SOURCE 1
#include "CLinux.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/capability.h>
#include <linux/sock_diag.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct cl_batch {
    struct mmsghdr receive[CL_BATCH];
    struct mmsghdr send[CL_BATCH];
    struct iovec receive_vector[CL_BATCH];
    struct iovec send_vector[CL_BATCH];
    cl_reply_path path[CL_BATCH];
    unsigned char query[CL_BATCH][CL_QUERY_CAPACITY];
    unsigned char response[CL_BATCH][CL_RESPONSE_CAPACITY];
};

cl_batch *cl_batch_new(void) { return calloc(1, sizeof(cl_batch)); }

void cl_batch_free(cl_batch *batch) { free(batch); }

int cl_receive(int fd, cl_batch *batch, int with_control) {
    for (int i = 0; i < CL_BATCH; i++) {
        struct msghdr *h = &batch->receive[i].msg_hdr;
        batch->receive_vector[i].iov_base = batch->query[i];
        batch->receive_vector[i].iov_len = CL_QUERY_CAPACITY;
        h->msg_iov = &batch->receive_vector[i];
        h->msg_iovlen = 1;
        h->msg_name = &batch->path[i].peer;
        h->msg_namelen = sizeof(struct sockaddr_storage);
        h->msg_control = with_control ? batch->path[i].control : NULL;
        h->msg_controllen = with_control ? CL_CONTROL_CAPACITY : 0;
        h->msg_flags = 0;
    }
    int n = recvmmsg(fd, batch->receive, CL_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        batch->path[i].peer_length = batch->receive[i].msg_hdr.msg_namelen;
        batch->path[i].control_length = (socklen_t)batch->receive[i].msg_hdr.msg_controllen;
    }
    return n;
}

size_t cl_query_length(const cl_batch *batch, int slot) {
    return batch->receive[slot].msg_len;
}

const unsigned char *cl_query(const cl_batch *batch, int slot) {
    return batch->query[slot];
}

unsigned char *cl_response(cl_batch *batch, int slot) {
    return batch->response[slot];
}

const cl_reply_path *cl_path(const cl_batch *batch, int slot) {
    return &batch->path[slot];
}

void cl_set_path(cl_batch *batch, int slot, const cl_reply_path *path) {
    if (path) {
        batch->path[slot] = *path;
    } else {
        // Without a name and control messages the kernel sends to the connected peer.
        batch->path[slot].peer_length = 0;
        batch->path[slot].control_length = 0;
    }
}

void cl_queue(cl_batch *batch, int position, int slot, size_t length) {
    struct msghdr *h = &batch->send[position].msg_hdr;
    cl_reply_path *path = &batch->path[slot];
    batch->send_vector[position].iov_base = batch->response[slot];
    batch->send_vector[position].iov_len = length;
    h->msg_iov = &batch->send_vector[position];
    h->msg_iovlen = 1;
    h->msg_name = &path->peer;
    h->msg_namelen = path->peer_length;
    h->msg_control = path->control_length ? path->control : NULL;
    h->msg_controllen = path->control_length;
    h->msg_flags = 0;
}

int cl_send(int fd, cl_batch *batch, int from, int count) {
    return sendmmsg(fd, batch->send + from, (unsigned int)(count - from), MSG_DONTWAIT | MSG_NOSIGNAL);
}

int cl_filter(int fd, struct sock_filter *program, unsigned short count) {
    const struct sock_fprog all = {.len = count, .filter = program};
    int none = 0;
    return count ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all)
                 : setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
}

int cl_receive_queue(int fd, uint32_t *waiting, uint32_t *capacity, uint32_t *dropped) {
    uint32_t figures[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof figures;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, figures, &length) != 0) return -1;
    *waiting = figures[SK_MEMINFO_RMEM_ALLOC];
    *capacity = figures[SK_MEMINFO_RCVBUF];
    *dropped = figures[SK_MEMINFO_DROPS];
    return 0;
}

int cl_epoll_change(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return epoll_ctl(epoll, operation, fd, &event);
}

uint64_t cl_event_token(const struct epoll_event *event) { return event->data.u64; }

uint64_t cl_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void cl_address_read(
    const struct sockaddr_storage *from, uint64_t *high, uint64_t *low, int *is_v4, uint16_t *port
) {
    uint64_t octets[2] = {0, 0};
    *is_v4 = 1;
    *port = 0;
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)from;
        memcpy(octets, &a->sin_addr, 4);
        *port = ntohs(a->sin_port);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)from;
        *port = ntohs(a->sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&a->sin6_addr)) {
            memcpy(octets, (const unsigned char *)&a->sin6_addr + 12, 4);
        } else {
            memcpy(octets, &a->sin6_addr, 16);
            *is_v4 = 0;
        }
    }
    *high = be64toh(octets[0]);
    *low = be64toh(octets[1]);
}

socklen_t cl_address_write(
    struct sockaddr_storage *to, uint64_t high, uint64_t low, int is_v4, uint16_t port
) {
    const uint64_t octets[2] = {htobe64(high), htobe64(low)};
    memset(to, 0, sizeof *to);
    if (is_v4) {
        struct sockaddr_in *a = (struct sockaddr_in *)to;
        a->sin_family = AF_INET;
        a->sin_port = htons(port);
        memcpy(&a->sin_addr, octets, 4);
        return sizeof *a;
    }
    struct sockaddr_in6 *a = (struct sockaddr_in6 *)to;
    a->sin6_family = AF_INET6;
    a->sin6_port = htons(port);
    memcpy(&a->sin6_addr, octets, 16);
    return sizeof *a;
}

int cl_bind(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return bind(fd, (const struct sockaddr *)address, length);
}

int cl_connect(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return connect(fd, (const struct sockaddr *)address, length);
}

int cl_accept(int fd, struct sockaddr_storage *peer) {
    socklen_t length = sizeof *peer;
    return accept4(fd, (struct sockaddr *)peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int cl_local_address(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return getsockname(fd, (struct sockaddr *)address, &length);
}

int cl_set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value);
}

void cl_random(void *to, size_t count) {
    unsigned char *next = to;
    while (count > 0) {
        ssize_t taken = getrandom(next, count, 0);
        if (taken < 0 && errno != EINTR) abort();
        if (taken > 0) {
            next += taken;
            count -= (size_t)taken;
        }
    }
}

int cl_errno(void) { return errno; }

void cl_heap_limit(int arenas, int threshold) {
    mallopt(M_ARENA_MAX, arenas);
    mallopt(M_TRIM_THRESHOLD, threshold);
}

void cl_heap_trim(void) { malloc_trim(0); }

long cl_resident_octets(void) {
    char text[128];
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    const ssize_t count = read(fd, text, sizeof text - 1);
    close(fd);
    if (count <= 0) return 0;
    text[count] = 0;
    long pages = 0;
    return sscanf(text, "%*d %ld", &pages) == 1 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

static int drop_segments(struct dl_phdr_info *object, size_t size, void *nothing) {
    (void)size;
    (void)nothing;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        // Writable segments hold what no file does; the others come back from the page cache.
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        const uintptr_t start = (object->dlpi_addr + segment->p_vaddr + page - 1) / page * page;
        const uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) / page * page;
        if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void cl_program_trim(void) { dl_iterate_phdr(drop_segments, NULL); }

int cl_usable_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

int cl_use_permitted_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, sets) != 0) return -1;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) sets[i].effective |= sets[i].permitted;
    return syscall(SYS_capset, &header, sets) == 0 ? 0 : -1;
}
