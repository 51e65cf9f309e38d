// What Swift's view of glibc leaves out: batched datagrams with their control messages, epoll tokens, wide addresses.
// Layout and calls only; every decision is made in Swift.
#ifndef CLUSTER_DNS_CLINUX_H
#define CLUSTER_DNS_CLINUX_H

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#define CL_BATCH 32
#define CL_QUERY_CAPACITY 4096
#define CL_RESPONSE_CAPACITY 4096
#define CL_CONTROL_CAPACITY 64

// Where a reply goes: the peer, and the control message that names the local address the query came to.
typedef struct cl_reply_path {
    struct sockaddr_storage peer;
    socklen_t peer_length;
    socklen_t control_length;
    _Alignas(8) unsigned char control[CL_CONTROL_CAPACITY];
} cl_reply_path;

// Slots for CL_BATCH queries and their responses.
typedef struct cl_batch cl_batch;

cl_batch *_Nullable cl_batch_new(void);
void cl_batch_free(cl_batch *_Nullable batch);

int cl_receive(int fd, cl_batch *_Nonnull batch, int with_control);
size_t cl_query_length(const cl_batch *_Nonnull batch, int slot);
const unsigned char *_Nonnull cl_query(const cl_batch *_Nonnull batch, int slot);
unsigned char *_Nonnull cl_response(cl_batch *_Nonnull batch, int slot);
const cl_reply_path *_Nonnull cl_path(const cl_batch *_Nonnull batch, int slot);
void cl_queue(cl_batch *_Nonnull batch, int position, int slot, size_t length);
// Where the response in `slot` goes: along `path`, or to the peer that the socket is connected with.
void cl_set_path(cl_batch *_Nonnull batch, int slot, const cl_reply_path *_Nullable path);
int cl_send(int fd, cl_batch *_Nonnull batch, int from, int count);
// Has the kernel run a program of classic BPF over each datagram before it is queued; none when `count` is 0.
int cl_filter(int fd, struct sock_filter *_Nonnull program, unsigned short count);
// What waits in the socket's queue and how much may, in octets of kernel memory, and the datagrams dropped so far.
int cl_receive_queue(int fd, uint32_t *_Nonnull waiting, uint32_t *_Nonnull capacity, uint32_t *_Nonnull dropped);
int cl_epoll_change(int epoll, int operation, int fd, uint32_t events, uint64_t token);
// Nanoseconds of CLOCK_MONOTONIC.
uint64_t cl_now(void);
uint64_t cl_event_token(const struct epoll_event *_Nonnull event);
void cl_address_read(
    const struct sockaddr_storage *_Nonnull from, uint64_t *_Nonnull high, uint64_t *_Nonnull low,
    int *_Nonnull is_v4, uint16_t *_Nonnull port
);
socklen_t cl_address_write(
    struct sockaddr_storage *_Nonnull to, uint64_t high, uint64_t low, int is_v4, uint16_t port
);
int cl_bind(int fd, const struct sockaddr_storage *_Nonnull address, socklen_t length);
int cl_connect(int fd, const struct sockaddr_storage *_Nonnull address, socklen_t length);
int cl_accept(int fd, struct sockaddr_storage *_Nonnull peer);
int cl_local_address(int fd, struct sockaddr_storage *_Nonnull address);
int cl_set(int fd, int level, int option, int value);
int cl_errno(void);
// Fills `count` octets that nobody can guess; ends the process where the kernel has none, as Swift's own generator does.
void cl_random(void *_Nullable to, size_t count);

// At most `arenas` malloc arenas, and free memory above `threshold` octets at the heap's end is given back.
void cl_heap_limit(int arenas, int threshold);
// Gives free memory back to the system.
void cl_heap_trim(void);
// Octets of this process that are in memory (proc(5), statm); 0 where the kernel does not say.
long cl_resident_octets(void);

// Takes the pages of code and constants out of this process; those that are used come back without reading the disk.
void cl_program_trim(void);

// Cores this process may run on; at least 1.
int cl_usable_cores(void);

// Makes effective what this thread and those it starts are permitted (capabilities(7)); 0 or -1 with errno.
int cl_use_permitted_capabilities(void);

#endif
