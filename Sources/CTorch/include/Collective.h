// The C door into libtorch's c10d: a store that all ranks reach, and a group of ranks that exchange tensors by Gloo.
// Errors as in CTorch.h.
#ifndef CTORCH_COLLECTIVE_H
#define CTORCH_COLLECTIVE_H

#include "CTorch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CTStore CTStore;
typedef struct CTGroup CTGroup;
typedef struct CTWork CTWork;
typedef struct CTNCCLGroup CTNCCLGroup;

// A TCPStore, its keys under `prefix`. Who serves it takes over `descriptor`, a bound and listening socket, or listens on the port of
// every address where that is -1. Waits for the server to answer until the time is over.
CTError ct_store_open(const char *host, uint16_t port, bool serves, int32_t descriptor, const char *prefix, int64_t milliseconds, CTStore **result);
CTError ct_store_set(CTStore *store, const char *key, const void *bytes, int64_t count);
// Waits for the key. The bytes are valid until the next call on the same thread.
CTError ct_store_get(CTStore *store, const char *key, int64_t milliseconds, const void **bytes, int64_t *count);
void ct_store_release(CTStore *store);

// Connects every rank to every other by Gloo, each at its own `address` (NULL: at the interfaces named in GLOO_SOCKET_IFNAME). Returns
// once all are connected.
CTError ct_group_open(CTStore *store, const char *address, int32_t rank, int32_t size, CTGroup **result);
// Waits for the exchanges in hand.
void ct_group_release(CTGroup *group);

// Exchanges, in the same order on all ranks. Each begins one and gives it to the caller, who waits and then releases it. The tensors are
// dense and lie on the processor.
CTError ct_group_sum(CTGroup *group, CTTensor *tensor, CTWork **result);
CTError ct_group_gather(CTGroup *group, const CTTensor *part, CTTensor *all, CTWork **result);  // part [N], all [size, N]
CTError ct_group_broadcast(CTGroup *group, CTTensor *tensor, int32_t root, CTWork **result);
CTError ct_work_wait(CTWork *work, int64_t milliseconds, bool *is_done);
void ct_work_release(CTWork *work);

// The same over GPUs by NCCL, where libtorch has loaded it. Exchanges are only put behind what the device computes already, and what follows
// waits for them there.
enum { ct_nccl_identifier_bytes = 128 };
bool ct_nccl_is_available(void);
// What one rank makes and all need.
CTError ct_nccl_identifier(void *bytes);
// Returns once all ranks are there.
CTError ct_nccl_open(const void *identifier, int32_t device_index, int32_t rank, int32_t size, CTNCCLGroup **result);
CTError ct_nccl_sum(CTNCCLGroup *group, CTTensor *tensor);
CTError ct_nccl_broadcast(CTNCCLGroup *group, CTTensor *tensor, int32_t root);
void ct_nccl_release(CTNCCLGroup *group);

#ifdef __cplusplus
}
#endif
#endif
