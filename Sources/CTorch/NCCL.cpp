// Sums over NVIDIA GPUs behind the C door.
//
// c10d's group for NCCL is compiled against CUDA's headers, which libtorch's packages leave out. NCCL itself comes with a libtorch that was
// built for CUDA, and its C interface has been the same since version 2.0: it is found by name where libtorch has loaded it, and called on
// the stream on which libtorch computes, so that what follows there waits for it.

#include "Collective.h"
#include "Handles.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <dlfcn.h>

#include <cstring>

namespace {

struct Identifier {
    char bytes[ct_nccl_identifier_bytes];
};
using Communicator = void *;
using Stream = void *;

/// NCCL's functions, NULL where they are missing.
struct Library {
    void *handle = dlopen("libnccl.so.2", RTLD_NOW | RTLD_NOLOAD);

    template <typename Function>
    Function *find(const char *name) const {
        return reinterpret_cast<Function *>(dlsym(handle ? handle : RTLD_DEFAULT, name));
    }

    int (*get_unique_id)(Identifier *) = find<int(Identifier *)>("ncclGetUniqueId");
    int (*init_rank)(Communicator *, int, Identifier, int) = find<int(Communicator *, int, Identifier, int)>("ncclCommInitRank");
    int (*destroy)(Communicator) = find<int(Communicator)>("ncclCommDestroy");
    int (*get_async_error)(Communicator, int *) = find<int(Communicator, int *)>("ncclCommGetAsyncError");
    const char *(*get_error_string)(int) = find<const char *(int)>("ncclGetErrorString");
    int (*all_reduce)(const void *, void *, size_t, int, int, Communicator, Stream) =
        find<int(const void *, void *, size_t, int, int, Communicator, Stream)>("ncclAllReduce");
    int (*broadcast)(const void *, void *, size_t, int, int, Communicator, Stream) =
        find<int(const void *, void *, size_t, int, int, Communicator, Stream)>("ncclBroadcast");

    bool is_whole() const { return get_unique_id && init_rank && destroy && get_async_error && get_error_string && all_reduce && broadcast; }
};

const Library &library() {
    static const Library found;
    return found;
}

void check(int code) { TORCH_CHECK(code == 0, "NCCL: ", library().get_error_string(code)); }

/// NCCL's numbers of the types, `ncclDataType_t`.
int type(const at::Tensor &tensor) {
    switch (tensor.scalar_type()) {
    case at::kChar: return 0;
    case at::kByte: return 1;
    case at::kInt: return 2;
    case at::kLong: return 4;
    case at::kHalf: return 6;
    case at::kFloat: return 7;
    case at::kDouble: return 8;
    case at::kBFloat16: return 9;
    default: TORCH_CHECK(false, "NCCL has no element type ", tensor.scalar_type());
    }
}

struct Group {
    Communicator communicator = nullptr;

    /// Calls NCCL on the stream of the tensor's device, after what went wrong before has been told.
    template <typename Call>
    void run(const at::Tensor &tensor, Call call) const {
        TORCH_CHECK(tensor.is_cuda() && tensor.is_contiguous(), "a tensor without gaps on a GPU is needed");
        int failure = 0;
        check(library().get_async_error(communicator, &failure));
        check(failure);
        const c10::DeviceGuard guard(tensor.device());
        const c10::Stream stream = c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device());
        check(call(tensor.mutable_data_ptr(), static_cast<size_t>(tensor.numel()), type(tensor), stream.native_handle()));
    }
};

const Group *of(CTNCCLGroup *group) { return reinterpret_cast<const Group *>(group); }

}  // namespace

bool ct_nccl_is_available(void) { return library().is_whole(); }

CTError ct_nccl_identifier(void *bytes) {
    return guarded([&] {
        Identifier identifier;
        check(library().get_unique_id(&identifier));
        std::memcpy(bytes, &identifier, sizeof identifier);
    });
}

CTError ct_nccl_open(const void *identifier, int32_t device_index, int32_t rank, int32_t size, CTNCCLGroup **result) {
    return guarded([&] {
        Identifier shared;
        std::memcpy(&shared, identifier, sizeof shared);
        const c10::DeviceGuard guard(c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(device_index)));
        Group group;
        check(library().init_rank(&group.communicator, size, shared, rank));
        *result = reinterpret_cast<CTNCCLGroup *>(new Group(group));
    });
}

CTError ct_nccl_sum(CTNCCLGroup *group, CTTensor *tensor) {
    return guarded([&] {
        of(group)->run(borrowed(tensor), [&](void *data, size_t count, int type, Stream stream) {
            const int sum = 0;
            return library().all_reduce(data, data, count, type, sum, of(group)->communicator, stream);
        });
    });
}

CTError ct_nccl_broadcast(CTNCCLGroup *group, CTTensor *tensor, int32_t root) {
    return guarded([&] {
        of(group)->run(borrowed(tensor), [&](void *data, size_t count, int type, Stream stream) {
            return library().broadcast(data, data, count, type, root, of(group)->communicator, stream);
        });
    });
}

void ct_nccl_release(CTNCCLGroup *group) {
    library().destroy(of(group)->communicator);
    delete of(group);
}
