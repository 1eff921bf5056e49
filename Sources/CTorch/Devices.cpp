// Devices: what this libtorch and this machine have of them, their memory, and the check that a call's tensors share one.

#include "Handles.h"

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/detail/MPSHooksInterface.h>
#include <ATen/autocast_mode.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <atomic>
#include <optional>
#include <sstream>
#include <unordered_set>

namespace {

/// Open scopes of the check, in all threads.
std::atomic<int32_t> checks{0};

/// A tensor of a call, and where among its arguments it stands.
struct Place {
    size_t argument;
    at::Tensor tensor;

    std::string text(const c10::FunctionSchema &schema) const {
        std::ostringstream text;
        text << "argument " << argument + 1 << " (" << schema.arguments()[argument].name() << ") " << tensor.sizes() << " is on " << tensor.device();
        return text.str();
    }
};

}  // namespace

void ct_device_check_begin(void) { checks++; }
void ct_device_check_end(void) { checks--; }

void check_devices(const c10::FunctionSchema &schema, const std::vector<c10::IValue> &arguments) {
    if (checks.load(std::memory_order_relaxed) == 0) return;
    // Those that bring data from one device to another.
    static const std::unordered_set<std::string> movers = {"aten::copy_", "aten::copy", "aten::_foreach_copy_", "aten::to", "aten::_to_copy"};
    if (movers.count(schema.name())) return;
    std::optional<Place> first;
    const auto check = [&](size_t argument, const at::Tensor &tensor) {
        if (!tensor.defined() || tensor.dim() == 0) return;
        const Place place{argument, tensor};
        if (!first) first = place;
        TORCH_CHECK(tensor.device() == first->tensor.device(), "tensors on more than one device: ", first->text(schema), ", ", place.text(schema));
    };
    for (size_t i = 0; i < arguments.size(); i++) {
        const c10::IValue &value = arguments[i];
        if (value.isTensor()) {
            check(i, value.toTensor());
        } else if (value.isTensorList() || value.isOptionalTensorList()) {
            for (const c10::IValue &element : value.toListRef())
                if (element.isTensor()) check(i, element.toTensor());
        }
    }
}

bool ct_device_is_built(int32_t device_type) {
    switch (static_cast<c10::DeviceType>(device_type)) {
    case c10::DeviceType::CPU: return true;
    case c10::DeviceType::CUDA: return at::detail::getCUDAHooks().hasCUDART();
    case c10::DeviceType::MPS: return at::MPSHooksRegistry()->Has("MPSHooks");
    default: return false;
    }
}

int32_t ct_device_count(int32_t device_type) {
    int32_t count = 0;
    guarded([&] {
        switch (static_cast<c10::DeviceType>(device_type)) {
        case c10::DeviceType::CPU: count = 1; break;
        case c10::DeviceType::CUDA: count = at::hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0; break;
        case c10::DeviceType::MPS: count = at::hasMPS() ? 1 : 0; break;
        default: break;
        }
    });
    return count;
}

CTError ct_device_memory(int32_t device_type, int32_t device_index, int64_t *allocated, int64_t *peak) {
    *allocated = *peak = -1;
    return guarded([&] {
        switch (static_cast<c10::DeviceType>(device_type)) {
        case c10::DeviceType::CUDA: {
            auto *allocator = c10::getDeviceAllocator(c10::DeviceType::CUDA);
            *allocated = *peak = 0;
            if (!allocator->initialized()) return;
            const auto stats = allocator->getDeviceStats(static_cast<c10::DeviceIndex>(device_index));
            const auto &bytes = stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
            *allocated = bytes.current;
            *peak = bytes.peak;
            return;
        }
        case c10::DeviceType::MPS:
            *allocated = static_cast<int64_t>(at::detail::getMPSHooks().getCurrentAllocatedMemory());
            return;
        default:
            return;
        }
    });
}

CTError ct_device_reset_peak(int32_t device_type, int32_t device_index) {
    return guarded([&] {
        if (static_cast<c10::DeviceType>(device_type) != c10::DeviceType::CUDA) return;
        auto *allocator = c10::getDeviceAllocator(c10::DeviceType::CUDA);
        if (allocator->initialized()) allocator->resetPeakStats(static_cast<c10::DeviceIndex>(device_index));
    });
}

CTError ct_device_synchronize(int32_t device_type, int32_t device_index) {
    return guarded([&] {
        const auto type = static_cast<c10::DeviceType>(device_type);
        if (type != c10::DeviceType::CUDA && type != c10::DeviceType::MPS) return;
        at::accelerator::synchronizeDevice(static_cast<c10::DeviceIndex>(device_index));
    });
}

int32_t ct_autocast_get(int32_t device_type) {
    const auto device = static_cast<c10::DeviceType>(device_type);
    const bool is_on = at::autocast::is_autocast_available(device) && at::autocast::is_autocast_enabled(device);
    return is_on ? static_cast<int32_t>(at::autocast::get_autocast_dtype(device)) : -1;
}

bool ct_autocast_is_available(int32_t device_type) { return at::autocast::is_autocast_available(static_cast<c10::DeviceType>(device_type)); }

CTError ct_autocast_set(int32_t device_type, int32_t dtype) {
    return guarded([&] {
        const auto device = static_cast<c10::DeviceType>(device_type);
        TORCH_CHECK(at::autocast::is_autocast_available(device), "libtorch has no mixed precision on ", device);
        if (dtype >= 0) at::autocast::set_autocast_dtype(device, static_cast<c10::ScalarType>(dtype));
        // The cache of converted weights serves those that are used twice in a pass; here none is, and it is shared by all threads.
        at::autocast::set_autocast_cache_enabled(false);
        at::autocast::set_autocast_enabled(device, dtype >= 0);
    });
}
