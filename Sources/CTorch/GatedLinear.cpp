// The second half of a gated feed-forward layer, with less kept for the gradient.

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace {

/// The product of value and activated gate is wider than all else in a transformer block. It is computed again for the gradient instead of
/// kept: kept are value and gate alone, half of what the four operators would keep.
struct GatedLinear : torch::autograd::Function<GatedLinear> {
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &value, const at::Tensor &gate, const at::Tensor &weight, const at::Tensor &bias) {
        at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({value, gate, weight});
        return at::linear(at::gelu(gate).mul_(value), weight, bias);
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
        at::AutoDispatchBelowADInplaceOrView below;
        const auto saved = context->get_saved_variables();
        const at::Tensor &value = saved[0], &gate = saved[1], &weight = saved[2], &gradient = gradients[0];
        const at::Tensor rows = gradient.reshape({-1, gradient.size(-1)});
        const at::Tensor of_product = at::matmul(gradient, weight);
        const at::Tensor activated = at::gelu(gate);
        const at::Tensor of_value = of_product * activated;
        const at::Tensor of_weight = at::mm(rows.t(), activated.mul_(value).reshape({-1, weight.size(1)}));
        return {of_value, at::gelu_backward(of_product * value, gate), of_weight, rows.sum(0)};
    }
};

}  // namespace

TORCH_LIBRARY_FRAGMENT(seppo, library) {
    library.def("gated_linear(Tensor value, Tensor gate, Tensor weight, Tensor bias) -> Tensor",
                [](const at::Tensor &value, const at::Tensor &gate, const at::Tensor &weight, const at::Tensor &bias) {
                    return GatedLinear::apply(value, gate, weight, bias);
                });
}
