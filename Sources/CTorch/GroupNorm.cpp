// Group normalisation of small images on the processor, with the activation that follows it.
//
// Images are rows of pixels with the channels last. libtorch's kernel is slow where a group has few channels, and of normalisation and
// activation in two operators both results are kept for the gradient; here the input alone is. Everything this does not serve goes to
// libtorch's operators.

#include "Lanes.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <vector>

namespace {

/// Larger images would leave the cache between one pass and the next.
constexpr int64_t largest_image = 1 << 18;

struct Image {
    int64_t pixels, channels, groups;
};

INLINE Wide sigmoid(Wide x) {
    const Wide small = exponential(x < 0 ? x : -x);
    return (x < 0 ? small : static_cast<Wide>(1.0f)) / (1.0f + small);
}

/// Sums over the pixels of what `term` gives for a pixel's channels from c on. Some pixels at a time, so that rounding does not grow with
/// the image.
template <typename Term>
INLINE Wide sum_over_pixels(const Image &image, Term term) {
    Wide total = 0;
    for (int64_t first = 0; first < image.pixels; first += 64) {
        Wide even = 0, odd = 0;
        const int64_t last = std::min(first + 64, image.pixels);
        int64_t p = first;
        for (; p + 1 < last; p += 2) {
            even += term(p);
            odd += term(p + 1);
        }
        if (p < last) even += term(p);
        total += even + odd;
    }
    return total;
}

/// Each channel's value becomes the mean over its group, and over the pixels where it was a sum over them.
INLINE void mean_of_groups(const Image &image, float *values) {
    const int64_t size = image.channels / image.groups;
    for (int64_t g = 0; g < image.groups; g++) {
        double total = 0;
        for (int64_t c = g * size; c < (g + 1) * size; c++) total += values[c];
        for (int64_t c = g * size; c < (g + 1) * size; c++) values[c] = static_cast<float>(total / static_cast<double>(size * image.pixels));
    }
}

/// `statistics`: mean and reciprocal deviation of each channel's group, `[2, channels]`.
template <bool activates>
struct NormForward {
    INLINE static void run(const Image &image, const float *x, const float *weight, const float *bias, float epsilon, float *statistics, float *out) {
        float *means = statistics, *scales = statistics + image.channels;
        for (int64_t c = 0; c < image.channels; c += width_of_lanes)
            store(sum_over_pixels(image, [&](int64_t p) INLINE_LAMBDA { return load<width_of_lanes>(x + p * image.channels + c); }), means + c);
        mean_of_groups(image, means);
        for (int64_t c = 0; c < image.channels; c += width_of_lanes) {
            const Wide mean = load<width_of_lanes>(means + c);
            store(sum_over_pixels(image, [&](int64_t p) INLINE_LAMBDA {
                      const Wide difference = load<width_of_lanes>(x + p * image.channels + c) - mean;
                      return difference * difference;
                  }), scales + c);
        }
        mean_of_groups(image, scales);
        for (int64_t c = 0; c < image.channels; c++) scales[c] = 1 / std::sqrt(scales[c] + epsilon);
        for (int64_t c = 0; c < image.channels; c += width_of_lanes) {
            const Wide slope = load<width_of_lanes>(scales + c) * load<width_of_lanes>(weight + c);
            const Wide start = load<width_of_lanes>(bias + c) - load<width_of_lanes>(means + c) * slope;
            for (int64_t p = 0; p < image.pixels; p++) {
                const Wide y = load<width_of_lanes>(x + p * image.channels + c) * slope + start;
                store(activates ? y * sigmoid(y) : y, out + p * image.channels + c);
            }
        }
    }
};

/// The gradients of x, and of weight and bias from this image, `[2, channels]`.
template <bool activates>
struct NormBackward {
    INLINE static void run(
        const Image &image, const float *x, const float *weight, const float *bias, const float *statistics, const float *gradient, float *of_x,
        float *of_parameters, float *scratch) {
        const float *means = statistics, *scales = statistics + image.channels;
        float *projections = scratch, *averages = scratch + image.channels;
        for (int64_t c = 0; c < image.channels; c += width_of_lanes) {
            const Wide mean = load<width_of_lanes>(means + c), scale = load<width_of_lanes>(scales + c);
            const Wide slope = load<width_of_lanes>(weight + c), start = load<width_of_lanes>(bias + c);
            Wide of_weight = 0, of_bias = 0;
            for (int64_t first = 0; first < image.pixels; first += 64) {
                Wide weights = 0, biases = 0;
                for (int64_t p = first; p < std::min(first + 64, image.pixels); p++) {
                    const Wide normal = (load<width_of_lanes>(x + p * image.channels + c) - mean) * scale;
                    Wide g = load<width_of_lanes>(gradient + p * image.channels + c);
                    if (activates) {
                        const Wide y = normal * slope + start, s = sigmoid(y);
                        g *= s * (1 + y * (1 - s));
                    }
                    // What comes to the normalised values waits where the gradient of x goes.
                    store(g, of_x + p * image.channels + c);
                    weights += g * normal;
                    biases += g;
                }
                of_weight += weights;
                of_bias += biases;
            }
            store(of_weight, of_parameters + c);
            store(of_bias, of_parameters + image.channels + c);
            store(of_weight * slope, projections + c);
            store(of_bias * slope, averages + c);
        }
        mean_of_groups(image, projections);
        mean_of_groups(image, averages);
        for (int64_t c = 0; c < image.channels; c += width_of_lanes) {
            const Wide mean = load<width_of_lanes>(means + c), scale = load<width_of_lanes>(scales + c), slope = load<width_of_lanes>(weight + c);
            const Wide projection = load<width_of_lanes>(projections + c), average = load<width_of_lanes>(averages + c);
            for (int64_t p = 0; p < image.pixels; p++) {
                const Wide normal = (load<width_of_lanes>(x + p * image.channels + c) - mean) * scale;
                const Wide g = load<width_of_lanes>(of_x + p * image.channels + c);
                store(scale * (g * slope - average - normal * projection), of_x + p * image.channels + c);
            }
        }
    }
};

Image image_of(const at::Tensor &x, int64_t groups) { return {x.size(2) * x.size(3), x.size(1), groups}; }

template <bool activates>
struct SmallImages : torch::autograd::Function<SmallImages<activates>> {
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, at::Tensor x, const at::Tensor &weight, const at::Tensor &bias, int64_t groups, double epsilon) {
        at::AutoDispatchBelowADInplaceOrView below;
        x = x.contiguous(at::MemoryFormat::ChannelsLast);
        const Image image = image_of(x, groups);
        const int64_t size = image.pixels * image.channels;
        at::Tensor out = at::empty_like(x);
        at::Tensor statistics = at::empty({x.size(0), 2, image.channels}, x.options().memory_format(at::MemoryFormat::Contiguous));
        static const auto run = for_this_processor<NormForward<activates>>();
        const float *inputs = x.const_data_ptr<float>(), *weights = weight.const_data_ptr<float>(), *biases = bias.const_data_ptr<float>();
        float *outputs = out.template mutable_data_ptr<float>(), *moments = statistics.template mutable_data_ptr<float>();
        at::parallel_for(0, x.size(0), 1, [&](int64_t first, int64_t last) {
            for (int64_t n = first; n < last; n++)
                run(image, inputs + n * size, weights, biases, static_cast<float>(epsilon), moments + n * 2 * image.channels, outputs + n * size);
        });
        context->save_for_backward({x, weight, bias, statistics});
        context->saved_data["groups"] = groups;
        return out;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
        at::AutoDispatchBelowADInplaceOrView below;
        const auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &statistics = saved[3];
        const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
        const Image image = image_of(x, context->saved_data["groups"].toInt());
        const int64_t size = image.pixels * image.channels;
        at::Tensor of_x = at::empty_like(x);
        at::Tensor of_parameters = at::empty_like(statistics);
        static const auto run = for_this_processor<NormBackward<activates>>();
        const float *inputs = x.const_data_ptr<float>(), *weights = weight.const_data_ptr<float>(), *biases = bias.const_data_ptr<float>();
        const float *moments = statistics.const_data_ptr<float>(), *slopes = gradient.const_data_ptr<float>();
        float *inputs_out = of_x.template mutable_data_ptr<float>(), *parameters_out = of_parameters.template mutable_data_ptr<float>();
        at::parallel_for(0, x.size(0), 1, [&](int64_t first, int64_t last) {
            std::vector<float> scratch(2 * image.channels);
            for (int64_t n = first; n < last; n++)
                run(image, inputs + n * size, weights, biases, moments + n * 2 * image.channels, slopes + n * size, inputs_out + n * size,
                    parameters_out + n * 2 * image.channels, scratch.data());
        });
        const at::Tensor summed = of_parameters.sum(0);
        return {of_x, summed[0], summed[1], at::Tensor(), at::Tensor()};
    }
};

bool serves(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t groups) {
    for (const at::Tensor *tensor : {&x, &weight, &bias})
        if (!tensor->device().is_cpu() || tensor->scalar_type() != at::kFloat || tensor->numel() == 0) return false;
    return x.dim() == 4 && weight.is_contiguous() && bias.is_contiguous() && x.size(1) % width_of_lanes == 0 && groups > 0 && x.size(1) % groups == 0
        && weight.sizes() == at::IntArrayRef{x.size(1)} && bias.sizes() == weight.sizes() && x.numel() / x.size(0) <= largest_image;
}

/// Normalises groups of channels of `[N, C, H, W]`; `silu` says whether x·σ(x) follows.
at::Tensor group_norm(const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias, double epsilon, bool silu) {
    if (serves(x, weight, bias, groups))
        return silu ? SmallImages<true>::apply(x, weight, bias, groups, epsilon) : SmallImages<false>::apply(x, weight, bias, groups, epsilon);
    // libtorch 2.13 writes the gradient of a channels-last input to a null pointer where nobody wants it and that of the weights is wanted, as where
    // what is trained begins with this layer. The same kernel has to run as without gradients, or equal weights would not give equal bits.
    const bool isFirst = at::GradMode::is_enabled() && !x.requires_grad() && (weight.requires_grad() || bias.requires_grad());
    const at::Tensor input = isFirst && x.device().is_cpu() ? x.detach().requires_grad_() : x;
    const at::Tensor normal = at::group_norm(input, groups, weight, bias, epsilon);
    return silu ? at::silu(normal) : normal;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(seppo, library) {
    library.def("group_norm(Tensor input, int groups, Tensor weight, Tensor bias, float epsilon, bool silu) -> Tensor", &group_norm);
}
