// Products with large matrices of weights on the processor.
#ifndef MATRIX_PRODUCT_H
#define MATRIX_PRODUCT_H

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

namespace {

/// Smaller matrices take no longer in the BLAS that `at::linear` calls.
constexpr int64_t fewest_weights_of_product = 1 << 17;

using OneDNNProduct = at::Tensor(
    const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, std::string_view, c10::List<std::optional<at::Scalar>>,
    std::optional<std::string_view>);

/// The product of oneDNN, which libtorch has but does not use for float32. Nil where it was built without.
inline const c10::TypedOperatorHandle<OneDNNProduct> *onednn_product() {
    static const auto found = []() -> std::optional<c10::TypedOperatorHandle<OneDNNProduct>> {
#ifdef __x86_64__
        const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
        if (handle && handle->hasKernelForDispatchKey(c10::DispatchKey::CPU)) return handle->typed<OneDNNProduct>();
#endif
        return std::nullopt;
    }();
    return found ? &*found : nullptr;
}

/// Whether `product` is oneDNN's for such operands: float32 on the processor, outside mixed precision.
inline bool is_onednn_product(const at::Tensor &rows, const at::Tensor &matrix) {
    return onednn_product() && rows.device().is_cpu() && matrix.device().is_cpu() && rows.scalar_type() == at::kFloat
        && matrix.scalar_type() == at::kFloat && rows.numel() > 0 && matrix.numel() >= fewest_weights_of_product && !at::autocast::is_autocast_enabled(at::kCPU);
}

/// rows·matrixᵀ + bias for `rows` `[…, K]` and `matrix` `[N, K]`. It has no gradient of its own.
inline at::Tensor product(const at::Tensor &rows, const at::Tensor &matrix, const std::optional<at::Tensor> &bias = std::nullopt) {
    if (!is_onednn_product(rows, matrix) || (bias && !bias->device().is_cpu())) return at::linear(rows, matrix, bias);
    return onednn_product()->call(rows, matrix, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

}  // namespace

#endif
