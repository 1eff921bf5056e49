// Convolutions of few pixels with large weights on the processor.
//
// libtorch's kernel brings the weights into an order of its own at every call, which takes longer than the work itself where an image has 8 × 8
// pixels and each of them meets millions of weights. Here the weights stay as they lie, and the patches of the image, which are few, become
// rows of a matrix. Everything this does not serve goes to libtorch's operator.

#include "MatrixProduct.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>

namespace {

/// Beyond these pixels, or below these weights, the change of order costs little.
constexpr int64_t most_pixels = 256;
constexpr int64_t fewest_weights = 1 << 20;

/// Where the patches of `[N, C, H, W]` images lie, all with their channels last.
struct Patches {
    int64_t images, channels, height, width;
    int64_t kernel_height, kernel_width, stride, padding;
    /// Whether a row holds all places of one channel next to each other, as a contiguous weight does, or all channels of one place.
    bool channels_first;

    Patches(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding)
        : images(x.size(0)), channels(x.size(1)), height(x.size(2)), width(x.size(3)), kernel_height(weight.size(2)), kernel_width(weight.size(3)),
          stride(stride), padding(padding), channels_first(weight.is_contiguous()) {}

    int64_t rows() const { return (height + 2 * padding - kernel_height) / stride + 1; }
    int64_t columns() const { return (width + 2 * padding - kernel_width) / stride + 1; }
    int64_t count() const { return images * rows() * columns(); }
    int64_t places() const { return kernel_height * kernel_width; }
    int64_t size() const { return places() * channels; }
    /// Of a channel from the first at a place of the kernel, within a row, and from there to the next channel.
    int64_t offset(int64_t place) const { return channels_first ? place : place * channels; }
    int64_t step() const { return channels_first ? places() : 1; }

    /// `[count, size]`
    at::Tensor gathered(const at::Tensor &x) const {
        at::Tensor patches = at::empty({count(), size()}, x.options().memory_format(at::MemoryFormat::Contiguous));
        const float *pixels = x.const_data_ptr<float>();
        float *out = patches.mutable_data_ptr<float>();
        at::parallel_for(0, count(), 1, [&](int64_t first, int64_t last) {
            for (int64_t patch = first; patch < last; patch++) {
                const int64_t image = patch / (rows() * columns());
                const int64_t top = patch / columns() % rows() * stride - padding, left = patch % columns() * stride - padding;
                for (int64_t place = 0; place < places(); place++) {
                    const int64_t y = top + place / kernel_width, x = left + place % kernel_width;
                    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
                    const float *from = pixels + ((image * height + y) * width + x) * channels;
                    float *to = out + patch * size() + offset(place);
                    const int64_t to_next = step();
                    for (int64_t c = 0; c < channels; c++) to[c * to_next] = inside ? from[c] : 0;
                }
            }
        });
        return patches;
    }

    /// What the rows of `patches` hold of each pixel, added up: `[N, C, H, W]`.
    at::Tensor scattered(const at::Tensor &patches) const {
        at::Tensor x = at::empty({images, channels, height, width}, patches.options().memory_format(at::MemoryFormat::ChannelsLast));
        const float *rows_of_patches = patches.const_data_ptr<float>();
        float *pixels = x.mutable_data_ptr<float>();
        at::parallel_for(0, images * height * width, 1, [&](int64_t first, int64_t last) {
            for (int64_t pixel = first; pixel < last; pixel++) {
                const int64_t image = pixel / (height * width), y = pixel / width % height, x = pixel % width;
                float *sums = pixels + pixel * channels;
                std::fill(sums, sums + channels, 0.0f);
                for (int64_t place = 0; place < places(); place++) {
                    const int64_t below = y + padding - place / kernel_width, right = x + padding - place % kernel_width;
                    if (below < 0 || right < 0 || below % stride || right % stride || below / stride >= rows() || right / stride >= columns()) continue;
                    const float *from = rows_of_patches + ((image * rows() + below / stride) * columns() + right / stride) * size() + offset(place);
                    const int64_t to_next = step();
                    for (int64_t c = 0; c < channels; c++) sums[c] += from[c * to_next];
                }
            }
        });
        return x;
    }

    /// `[out, size]`, in the order of the rows, and the other way.
    at::Tensor matrix(const at::Tensor &weight) const {
        return (channels_first ? weight : weight.permute({0, 2, 3, 1})).reshape({weight.size(0), size()});
    }
    at::Tensor weight(const at::Tensor &matrix) const {
        if (channels_first) return matrix.view({matrix.size(0), channels, kernel_height, kernel_width});
        return matrix.view({matrix.size(0), kernel_height, kernel_width, channels}).permute({0, 3, 1, 2});
    }
};

struct FewPixels : torch::autograd::Function<FewPixels> {
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, at::Tensor x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride, int64_t padding) {
        at::AutoDispatchBelowADInplaceOrView below;
        x = x.contiguous(at::MemoryFormat::ChannelsLast);
        context->save_for_backward({x, weight});
        context->saved_data["stride"] = stride;
        context->saved_data["padding"] = padding;
        const Patches patches(x, weight, stride, padding);
        const at::Tensor rows = product(patches.gathered(x), patches.matrix(weight), bias);
        return rows.view({patches.images, patches.rows(), patches.columns(), weight.size(0)}).permute({0, 3, 1, 2});
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
        at::AutoDispatchBelowADInplaceOrView below;
        const auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1];
        const Patches patches(x, weight, context->saved_data["stride"].toInt(), context->saved_data["padding"].toInt());
        const at::Tensor gradient = gradients[0].permute({0, 2, 3, 1}).reshape({patches.count(), weight.size(0)});
        at::Tensor of_x, of_weight, of_bias;
        if (context->needs_input_grad(0)) of_x = patches.scattered(product(gradient, patches.matrix(weight).t()));
        if (context->needs_input_grad(1)) of_weight = patches.weight(at::mm(gradient.t(), patches.gathered(x)));
        if (context->needs_input_grad(2)) of_bias = gradient.sum(0);
        return {of_x, of_weight, of_bias, at::Tensor(), at::Tensor()};
    }
};

bool serves(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, int64_t stride, int64_t padding) {
    for (const at::Tensor *tensor : {&x, &weight})
        if (!tensor->device().is_cpu() || tensor->scalar_type() != at::kFloat || tensor->dim() != 4 || tensor->numel() == 0) return false;
    if (!bias || !bias->device().is_cpu() || bias->scalar_type() != at::kFloat || bias->sizes() != at::IntArrayRef{weight.size(0)}) return false;
    if (at::autocast::is_autocast_enabled(at::kCPU)) return false;
    if (x.size(1) != weight.size(1) || stride < 1 || padding < 0 || weight.numel() < fewest_weights) return false;
    if (!weight.is_contiguous() && !weight.is_contiguous(at::MemoryFormat::ChannelsLast)) return false;
    if (x.size(2) + 2 * padding < weight.size(2) || x.size(3) + 2 * padding < weight.size(3)) return false;
    return Patches(x, weight, stride, padding).count() <= most_pixels;
}

/// `[N, C, H, W]` with the weight `[out, C, kh, kw]`.
at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, int64_t stride, int64_t padding) {
    if (serves(x, weight, bias, stride, padding)) return FewPixels::apply(x, weight, *bias, stride, padding);
    return at::conv2d(x, weight, bias, stride, padding);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(seppo, library) {
    library.def("conv2d(Tensor x, Tensor weight, Tensor? bias, int stride, int padding) -> Tensor", &conv2d);
}
