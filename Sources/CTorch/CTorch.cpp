#include "Handles.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

namespace {

thread_local std::vector<CTTensor *> results_of_last_call;

bool is_list_of_optionals(const c10::Type &type) {
    const auto *list = type.castRaw<c10::ListType>();
    return list && list->getElementType()->kind() == c10::TypeKind::OptionalType;
}

c10::IValue list_of_tensors(const CTValue &value, const CTArguments &arguments, const c10::Type &type) {
    CTTensor *const *first = arguments.tensors + value.integer;
    if (is_list_of_optionals(type)) {
        c10::List<std::optional<at::Tensor>> list;
        for (int32_t i = 0; i < value.count; i++)
            list.push_back(first[i] ? std::optional<at::Tensor>(borrowed(first[i])) : std::nullopt);
        return list;
    }
    c10::List<at::Tensor> list;
    list.reserve(value.count);
    for (int32_t i = 0; i < value.count; i++) list.push_back(borrowed(first[i]));
    return list;
}

c10::IValue ivalue(const CTValue &value, const CTArguments &arguments, const c10::Argument &parameter) {
    switch (value.tag) {
    case CTTagDefault:
        TORCH_CHECK(parameter.default_value().has_value(), "argument '", parameter.name(), "' has no default and was not given");
        return *parameter.default_value();
    case CTTagNone:
        return {};
    case CTTagTensor:
        if (!value.handle) return {};
        return borrowed(static_cast<const CTTensor *>(value.handle));
    case CTTagInt:
        if (parameter.type()->kind() == c10::TypeKind::FloatType) return static_cast<double>(value.integer);
        return value.integer;
    case CTTagDouble:
        return value.number;
    case CTTagBool:
        return value.integer != 0;
    case CTTagString:
        return std::string(value.text);
    case CTTagDevice:
        return c10::Device(static_cast<c10::DeviceType>(value.integer), static_cast<c10::DeviceIndex>(value.count));
    case CTTagGenerator:
        return *static_cast<const at::Generator *>(value.handle);
    case CTTagInts:
        return c10::IntArrayRef(arguments.ints + value.integer, value.count).vec();
    case CTTagDoubles:
        return c10::ArrayRef<double>(arguments.doubles + value.integer, value.count).vec();
    case CTTagBools: {
        c10::List<bool> list;
        for (int32_t i = 0; i < value.count; i++) list.push_back(arguments.ints[value.integer + i] != 0);
        return list;
    }
    case CTTagTensors:
        return list_of_tensors(value, arguments, *parameter.type());
    }
    TORCH_CHECK(false, "argument '", parameter.name(), "' has an unknown tag");
}

void append_result(const c10::IValue &value, std::vector<at::Tensor> &results) {
    if (value.isTensor()) {
        results.push_back(value.toTensor());
    } else if (value.isTensorList()) {
        for (at::Tensor &tensor : value.toTensorVector()) results.push_back(std::move(tensor));
    } else if (value.isScalar()) {
        results.push_back(at::scalar_tensor(value.toScalar(), at::kDouble));
    } else {
        TORCH_CHECK(value.isNone(), "returns a ", value.tagKind(), ", which this door does not carry");
        results.emplace_back();
    }
}

}  // namespace

CTError ct_operator_find(const char *name, const char *overload, const CTOperator **result) {
    return guarded([&] {
        auto found = c10::Dispatcher::singleton().findSchema({name, overload});
        TORCH_CHECK(found.has_value(), "libtorch ", TORCH_VERSION, " has no operator ", name, *overload ? "." : "", overload);
        *result = reinterpret_cast<const CTOperator *>(new c10::OperatorHandle(*found));
    });
}

CTError ct_operator_call(const CTOperator *op, const CTArguments *arguments, CTTensor *const **results, int32_t *count) {
    return guarded([&] {
        const auto &handle = *reinterpret_cast<const c10::OperatorHandle *>(op);
        const auto &parameters = handle.schema().arguments();
        TORCH_CHECK(static_cast<size_t>(arguments->count) <= parameters.size(), "takes ", parameters.size(), " arguments, ", arguments->count, " were given");
        static const CTValue use_default = {CTTagDefault, 0, {0}};
        c10::Stack stack;
        stack.reserve(parameters.size());
        for (size_t i = 0; i < parameters.size(); i++) {
            const CTValue &value = i < static_cast<size_t>(arguments->count) ? arguments->values[i] : use_default;
            stack.push_back(ivalue(value, *arguments, parameters[i]));
        }
        check_devices(handle.schema(), stack);
        handle.callBoxed(stack);
        std::vector<at::Tensor> tensors;
        for (const c10::IValue &value : stack) append_result(value, tensors);
        results_of_last_call.clear();
        results_of_last_call.reserve(tensors.size());
        for (at::Tensor &tensor : tensors) results_of_last_call.push_back(tensor.defined() ? owned(std::move(tensor)) : nullptr);
        *results = results_of_last_call.data();
        *count = static_cast<int32_t>(results_of_last_call.size());
    });
}

CTError ct_tensor_from_memory(void *data, const int64_t *shape, int32_t rank, int32_t dtype, void *context, void (*release)(void *), CTTensor **result) {
    return guarded([&] {
        // Held here and by the tensor's storage: whichever goes last releases, so that a failure at any point releases exactly once.
        std::shared_ptr<void> memory(context, release);
        auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype));
        auto tensor = at::from_blob(data, at::IntArrayRef(shape, rank), [memory](void *) {}, options);
        *result = owned(std::move(tensor));
    });
}

void ct_tensor_release(CTTensor *tensor) { taken(tensor); }

CTTensor *ct_tensor_retained(const CTTensor *tensor) { return owned(borrowed(tensor)); }

int32_t ct_tensor_rank(const CTTensor *tensor) { return static_cast<int32_t>(impl(tensor)->dim()); }
const int64_t *ct_tensor_shape(const CTTensor *tensor) { return impl(tensor)->sizes().data(); }
const int64_t *ct_tensor_strides(const CTTensor *tensor) { return impl(tensor)->strides().data(); }
int32_t ct_tensor_dtype(const CTTensor *tensor) { return static_cast<int32_t>(c10::typeMetaToScalarType(impl(tensor)->dtype())); }
int32_t ct_tensor_device_type(const CTTensor *tensor) { return static_cast<int32_t>(impl(tensor)->device().type()); }
int32_t ct_tensor_device_index(const CTTensor *tensor) { return impl(tensor)->device().index(); }

void *ct_tensor_data(const CTTensor *tensor) {
    void *data = nullptr;
    guarded([&] { data = impl(tensor)->mutable_data(); });
    return data;
}

CTError ct_tensor_set_requires_grad(CTTensor *tensor, bool value) {
    return guarded([&] { borrowed(tensor).requires_grad_(value); });
}

bool ct_tensor_requires_grad(const CTTensor *tensor) { return impl(tensor)->requires_grad() || borrowed(tensor).grad_fn(); }

CTTensor *ct_tensor_grad(const CTTensor *tensor) {
    at::Tensor grad = borrowed(tensor).grad();
    return grad.defined() ? owned(std::move(grad)) : nullptr;
}

void ct_tensor_clear_grad(CTTensor *tensor) { borrowed(tensor).mutable_grad().reset(); }
void ct_tensor_set_grad(CTTensor *tensor, const CTTensor *grad) { borrowed(tensor).mutable_grad() = borrowed(grad); }

CTError ct_backward(CTTensor *loss) {
    return guarded([&] { torch::autograd::backward({borrowed(loss)}, {}); });
}

bool ct_grad_mode_get(void) { return c10::GradMode::is_enabled(); }

bool ct_grad_mode_set(bool enabled) {
    bool former = c10::GradMode::is_enabled();
    c10::GradMode::set_enabled(enabled);
    return former;
}

CTError ct_generator_new(uint64_t seed, CTGenerator **result) {
    return guarded([&] {
        at::Generator generator = at::detail::createCPUGenerator();
        generator.set_current_seed(seed);
        *result = reinterpret_cast<CTGenerator *>(new at::Generator(std::move(generator)));
    });
}

void ct_generator_release(CTGenerator *generator) { delete reinterpret_cast<at::Generator *>(generator); }

const char *ct_version(void) { return TORCH_VERSION; }
void ct_threads_set(int32_t count) { at::set_num_threads(count); }
int32_t ct_threads_get(void) { return at::get_num_threads(); }

void ct_flush_denormals(void) { at::globalContext().setFlushDenormal(true); }
