// libtorch's meta device, whose tensors have shapes and no elements. Of the operators that networks need, libtorch has these there in Python alone; here
// the processor's kernels compute them on zeros, and of their results shapes, strides and types are kept.

#include <ATen/ATen.h>
#include <torch/library.h>

namespace {

/// Zeros on the processor in the shape, type and order of a tensor without elements. As an index they are valid.
at::Tensor stand_in(const at::Tensor &tensor) {
    if (!tensor.defined() || !tensor.is_meta()) return tensor;
    return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kCPU)).zero_();
}

c10::IValue stand_in(const c10::IValue &value) {
    if (value.isTensor()) return stand_in(value.toTensor());
    if (!value.isTensorList()) return value;
    c10::List<at::Tensor> list;
    for (const at::Tensor &tensor : value.toTensorVector()) list.push_back(stand_in(tensor));
    return list;
}

at::Tensor without_elements(const at::Tensor &tensor) {
    if (!tensor.defined()) return tensor;
    return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kMeta));
}

/// The argument that a result is said to be, for operators that write to one; -1 for a new tensor.
int64_t written_argument(const c10::FunctionSchema &schema, const c10::Argument &result) {
    if (!result.alias_info()) return -1;
    for (size_t i = 0; i < schema.arguments().size(); i++) {
        const auto *alias = schema.arguments()[i].alias_info();
        if (alias && alias->isWrite() && alias->beforeSets() == result.alias_info()->beforeSets()) return static_cast<int64_t>(i);
    }
    return -1;
}

void on_zeros(const c10::OperatorHandle &op, torch::jit::Stack *stack) {
    const auto &schema = op.schema();
    const std::vector<c10::IValue> arguments = torch::jit::pop(*stack, schema.arguments().size());
    torch::jit::Stack work;
    for (const c10::IValue &argument : arguments) work.push_back(stand_in(argument));
    op.callBoxed(work);
    for (size_t i = 0; i < work.size(); i++) {
        const at::Tensor result = work[i].toTensor();
        const int64_t written = written_argument(schema, schema.returns()[i]);
        if (written < 0) {
            stack->push_back(without_elements(result));
            continue;
        }
        const at::Tensor own = arguments[written].toTensor();
        if (own.sizes() != result.sizes()) own.resize_(result.sizes());
        stack->push_back(own);
    }
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, Meta, library) {
    for (const char *name :
         {"convolution", "convolution_backward", "embedding_dense_backward", "index_select", "log_sigmoid_backward",
          "log_sigmoid_forward", "logical_and.out", "native_group_norm",
          "native_group_norm_backward", "native_layer_norm", "native_layer_norm_backward", "relu", "max_pool3d_with_indices", "where.self", "where.self_out", "_fused_adamw_"})
        library.impl(name, torch::CppFunction::makeFromBoxedFunction<&on_zeros>());
}
