// What stands behind the door's handles, and how C++ exceptions become its messages.
#pragma once

#include "CTorch.h"

#include <ATen/ATen.h>
#include <ATen/core/function_schema.h>

#include <string>
#include <vector>

inline thread_local std::string message_of_last_failure;

/// Runs `body`, turning every C++ exception into a message.
template <typename Body>
CTError guarded(Body body) {
    try {
        body();
        return nullptr;
    } catch (const c10::Error &error) {
        message_of_last_failure = error.what_without_backtrace();
    } catch (const std::exception &error) {
        message_of_last_failure = error.what();
    } catch (...) {
        message_of_last_failure = "unknown C++ exception";
    }
    return message_of_last_failure.c_str();
}

inline c10::TensorImpl *impl(const CTTensor *tensor) {
    return reinterpret_cast<c10::TensorImpl *>(const_cast<CTTensor *>(tensor));
}

/// A counted reference to a handle that stays the caller's.
inline at::Tensor borrowed(const CTTensor *tensor) {
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl>::reclaim_copy(impl(tensor)));
}

/// A handle that the caller releases.
inline CTTensor *owned(at::Tensor tensor) {
    return reinterpret_cast<CTTensor *>(tensor.unsafeReleaseTensorImpl());
}

/// The tensor of a handle that was handed over.
inline at::Tensor taken(CTTensor *tensor) {
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl>::reclaim(impl(tensor)));
}

/// Throws where the check of devices is on and the tensors of a call lie on more than one: see `ct_device_check_begin`.
void check_devices(const c10::FunctionSchema &schema, const std::vector<c10::IValue> &arguments);
