// A gated feed-forward layer that keeps little for the gradient.

#include "MatrixProduct.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace {

/// What lies between the two linear layers is wider than all else in a transformer block: value, gate, activated gate and their product. It is
/// computed again for the gradient, from the layer's input, instead of kept.
struct GatedFeedForward : torch::autograd::Function<GatedFeedForward> {
    /// Value and gate of rows. Apart: halves of one product would be strided, and slower in all that follows.
    static std::pair<at::Tensor, at::Tensor> hidden(const at::Tensor &rows, const at::Tensor &weight, const at::Tensor &bias) {
        const auto weights = weight.chunk(2), biases = bias.chunk(2);
        return {product(rows, weights[0], biases[0]), product(rows, weights[1], biases[1])};
    }

    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
        const at::Tensor &output_weight, const at::Tensor &output_bias) {
        at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({x, weight, bias, output_weight});
        const auto [value, gate] = hidden(x, weight, bias);
        return product(at::gelu(gate).mul_(value), output_weight, output_bias);
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
        at::AutoDispatchBelowADInplaceOrView below;
        const auto saved = context->get_saved_variables();
        const at::Tensor rows = saved[0].reshape({-1, saved[0].size(-1)}), &weight = saved[1], &bias = saved[2], &output_weight = saved[3];
        const at::Tensor gradient = gradients[0].reshape({-1, output_weight.size(0)});
        auto [value, gate] = hidden(rows, weight, bias);
        // Frozen weights, beside which adapters are trained, need no gradients.
        const bool trains = context->needs_input_grad(1);
        const at::Tensor of_product = product(gradient, output_weight.t());
        at::Tensor activated = at::gelu(gate);
        const at::Tensor of_value = of_product * activated;
        at::Tensor of_output_weight;
        if (trains) of_output_weight = at::mm(gradient.t(), activated.mul_(value));
        const at::Tensor of_gate = at::gelu_backward(value.mul_(of_product), gate);
        const auto weights = weight.chunk(2);
        const at::Tensor of_x = product(of_value, weights[0].t()).add_(product(of_gate, weights[1].t())).reshape(saved[0].sizes());
        if (!trains) return {of_x, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
        at::Tensor of_weight = at::empty_like(weight);
        at::Tensor of_value_weight = of_weight.narrow(0, 0, value.size(1)), of_gate_weight = of_weight.narrow(0, value.size(1), value.size(1));
        at::mm_out(of_value_weight, of_value.t(), rows);
        at::mm_out(of_gate_weight, of_gate.t(), rows);
        return {of_x, of_weight, at::cat({of_value.sum(0), of_gate.sum(0)}), of_output_weight, gradient.sum(0)};
    }
};

/// (value ⊙ gelu(gate))·W₂ᵀ + b₂ with (value, gate) = x·Wᵀ + b. In mixed precision libtorch's operators, each of which knows its types.
at::Tensor gated_feed_forward(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &output_weight, const at::Tensor &output_bias) {
    const auto device = x.device().type();
    const bool is_mixed = at::autocast::is_autocast_available(device) && at::autocast::is_autocast_enabled(device);
    if (x.scalar_type() == weight.scalar_type() && !is_mixed)
        return GatedFeedForward::apply(x, weight, bias, output_weight, output_bias);
    const auto [value, gate] = GatedFeedForward::hidden(x, weight, bias);
    return at::linear(at::gelu(gate) * value, output_weight, output_bias);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(seppo, library) {
    library.def("gated_feed_forward(Tensor x, Tensor weight, Tensor bias, Tensor output_weight, Tensor output_bias) -> Tensor", &gated_feed_forward);
}
