// A linear layer whose products are those of MatrixProduct.h, with their gradients.

#include "MatrixProduct.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace {

struct LargeLinear : torch::autograd::Function<LargeLinear> {
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
        at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({x, weight});
        context->saved_data["has bias"] = bias.has_value();
        return product(x, weight, bias);
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
        at::AutoDispatchBelowADInplaceOrView below;
        const auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1];
        const at::Tensor gradient = gradients[0].reshape({-1, weight.size(0)});
        at::Tensor of_x, of_weight, of_bias;
        if (context->needs_input_grad(0)) of_x = product(gradient, weight.t()).reshape(x.sizes());
        if (context->needs_input_grad(1)) of_weight = at::mm(gradient.t(), x.reshape({-1, x.size(-1)}));
        if (context->saved_data["has bias"].toBool() && context->needs_input_grad(2)) of_bias = gradient.sum(0);
        return {of_x, of_weight, of_bias};
    }
};

/// x·Wᵀ + b for x `[…, in]` and W `[out, in]`. Everything that the product of MatrixProduct.h does not serve goes to libtorch's operator.
at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
    const bool serves = is_onednn_product(x, weight) && x.dim() >= 1 && weight.dim() == 2 && x.size(-1) == weight.size(1)
        && (!bias || (bias->device().is_cpu() && bias->scalar_type() == at::kFloat && bias->sizes() == at::IntArrayRef{weight.size(0)}));
    // Of rows that do not lie one after another libtorch makes one product where the weight wants a gradient, and otherwise one for each example: a reference
    // would not have the policy's bits.
    return serves ? LargeLinear::apply(x, weight, bias) : at::linear(x.contiguous(), weight, bias);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(seppo, library) { library.def("linear(Tensor x, Tensor weight, Tensor? bias) -> Tensor", &linear); }
