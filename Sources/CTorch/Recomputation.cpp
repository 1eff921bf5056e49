// Gradient checkpointing (Chen et al., arXiv 1604.06174): of a part of a network only the inputs are kept, and it is run again for the gradient.

#include "Handles.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace {

/// The caller's function with what it needs, released with the last graph that may run it again.
struct Body : torch::CustomClassHolder {
    Body(void *context, CTBody run, void (*release)(void *)) : context(context), run(run), release(release) {}
    ~Body() override { release(context); }

    at::Tensor operator()(const at::Tensor &x, const at::Tensor &y) const {
        CTTensor *result = run(context, owned(x), owned(y));
        TORCH_CHECK(result, "the recomputed part gave no tensor");
        return taken(result);
    }

    void *context;
    CTBody run;
    void (*release)(void *);
};

struct Recomputed : torch::autograd::Function<Recomputed> {
    /// `root` requires a gradient where the inputs do not: the weights of the part do.
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &y, const at::Tensor &root, c10::intrusive_ptr<Body> body) {
        at::AutoGradMode no_gradients(false);
        context->save_for_backward({x, y});
        context->saved_data["body"] = c10::IValue::make_capsule(body);
        return (*body)(x, y);
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto body = c10::static_intrusive_pointer_cast<Body>(context->saved_data["body"].toCapsule());
        std::vector<at::Tensor> inputs;
        for (const at::Tensor &tensor : saved) inputs.push_back(tensor.detach().requires_grad_(true));
        {
            at::AutoGradMode with_gradients(true);
            const at::Tensor again = (*body)(inputs[0], inputs[1]);
            // The gradients of weights are added to these as they come.
            torch::autograd::backward({again}, {gradients[0]});
        }
        return {inputs[0].grad(), inputs[1].grad(), at::Tensor(), at::Tensor()};
    }
};

}  // namespace

CTError ct_recomputed(const CTTensor *x, const CTTensor *y, void *context, CTBody run, void (*release)(void *), CTTensor **result) {
    auto body = c10::make_intrusive<Body>(context, run, release);
    return guarded([&] {
        const at::Tensor root = at::empty({0}).requires_grad_(true);
        *result = owned(Recomputed::apply(borrowed(x), borrowed(y), root, body));
    });
}
