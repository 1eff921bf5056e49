// Store and process group of c10d behind the C door.

#include "Collective.h"
#include "Handles.h"

#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace {

using Milliseconds = std::chrono::milliseconds;

/// Whoever waits for an exchange watches the other ranks, so that Gloo's own patience must never be the shorter one.
constexpr Milliseconds without_end = std::chrono::hours(24 * 365);

template <typename Class, typename Handle>
Class *object(Handle *handle) {
    return reinterpret_cast<Class *>(handle);
}

c10d::Store *of(CTStore *store) { return object<c10d::Store>(store); }
c10d::ProcessGroupGloo *of(CTGroup *group) { return object<c10d::ProcessGroupGloo>(group); }
c10d::Work *of(CTWork *work) { return object<c10d::Work>(work); }

CTWork *begun(c10::intrusive_ptr<c10d::Work> work) { return reinterpret_cast<CTWork *>(work.release()); }

thread_local std::vector<uint8_t> value_of_last_get;

}  // namespace

CTError ct_store_open(
    const char *host, uint16_t port, bool serves, int32_t descriptor, const char *prefix, int64_t milliseconds, CTStore **result) {
    return guarded([&] {
        c10d::TCPStoreOptions options;
        options.port = port;
        options.isServer = serves;
        options.waitWorkers = false;
        options.timeout = Milliseconds(milliseconds);
        if (serves && descriptor >= 0) options.masterListenFd = descriptor;
        auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
        auto prefixed = c10::make_intrusive<c10d::PrefixStore>(prefix, std::move(store));
        c10::intrusive_ptr<c10d::Store> base = std::move(prefixed);
        *result = reinterpret_cast<CTStore *>(base.release());
    });
}

CTError ct_store_set(CTStore *store, const char *key, const void *bytes, int64_t count) {
    return guarded([&] {
        const auto *first = static_cast<const uint8_t *>(bytes);
        of(store)->set(key, std::vector<uint8_t>(first, first + count));
    });
}

CTError ct_store_get(CTStore *store, const char *key, int64_t milliseconds, const void **bytes, int64_t *count) {
    return guarded([&] {
        of(store)->wait({key}, Milliseconds(milliseconds));
        value_of_last_get = of(store)->get(key);
        *bytes = value_of_last_get.data();
        *count = static_cast<int64_t>(value_of_last_get.size());
    });
}

void ct_store_release(CTStore *store) { c10::intrusive_ptr<c10d::Store>::reclaim(of(store)); }

CTError ct_group_open(CTStore *store, const char *address, int32_t rank, int32_t size, CTGroup **result) {
    return guarded([&] {
        using Gloo = c10d::ProcessGroupGloo;
        auto options = address ? Gloo::Options::create(without_end) : Gloo::Options::create_default(without_end);
        if (address) options->devices.push_back(Gloo::createDeviceForHostname(address));
        // One after the other, in the order of the calls.
        options->threads = 1;
        auto shared = c10::intrusive_ptr<c10d::Store>::reclaim_copy(of(store));
        *result = reinterpret_cast<CTGroup *>(c10::make_intrusive<Gloo>(shared, rank, size, options).release());
    });
}

void ct_group_release(CTGroup *group) { c10::intrusive_ptr<c10d::ProcessGroupGloo>::reclaim(of(group)); }

CTError ct_group_sum(CTGroup *group, CTTensor *tensor, CTWork **result) {
    return guarded([&] {
        std::vector<at::Tensor> tensors = {borrowed(tensor)};
        *result = begun(of(group)->allreduce(tensors));
    });
}

CTError ct_group_gather(CTGroup *group, const CTTensor *part, CTTensor *all, CTWork **result) {
    return guarded([&] {
        std::vector<at::Tensor> parts = {borrowed(part)};
        std::vector<std::vector<at::Tensor>> gathered = {borrowed(all).unbind(0)};
        *result = begun(of(group)->allgather(gathered, parts));
    });
}

CTError ct_group_broadcast(CTGroup *group, CTTensor *tensor, int32_t root, CTWork **result) {
    return guarded([&] {
        std::vector<at::Tensor> tensors = {borrowed(tensor)};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        *result = begun(of(group)->broadcast(tensors, options));
    });
}

CTError ct_work_wait(CTWork *work, int64_t milliseconds, bool *is_done) {
    return guarded([&] {
        if (!of(work)->isCompleted()) {
            try {
                of(work)->wait(Milliseconds(milliseconds));
            } catch (...) {
                // Its own failure, which comes again, or the time is over, after which it may end at any moment.
            }
        }
        *is_done = of(work)->isCompleted();
        if (*is_done) of(work)->wait();
    });
}

void ct_work_release(CTWork *work) { c10::intrusive_ptr<c10d::Work>::reclaim(of(work)); }
