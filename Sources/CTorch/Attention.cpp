// Attention with small heads on the processor.
//
// libtorch's kernel hands each block of a head to a matrix library whose calls cost more than the work where a head has 8 or 16 channels, as
// those of tiny models have. Here a row of scores is computed, normalised and applied while it stays in registers and the first cache.
// Everything this does not serve goes to libtorch's operator.

#include "Lanes.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

constexpr int64_t rows_at_once = 4;
constexpr int64_t columns_at_once = 32;  // two times the lanes
constexpr int64_t longest = 1024;

/// The rows of one head, `[length, D]` with any distance between rows.
struct Rows {
    const float *first;
    int64_t stride;
    const float *operator[](int64_t row) const { return first + row * stride; }
};

/// A head's rows as columns, `[D, padded]`, times `scale`; zero beyond its length.
template <int D>
INLINE void transpose(const Rows &rows, int64_t length, int64_t padded, float scale, float *columns) {
    for (int c = 0; c < D; c++) {
        for (int64_t j = 0; j < length; j++) columns[c * padded + j] = rows[j][c] * scale;
        for (int64_t j = length; j < padded; j++) columns[c * padded + j] = 0;
    }
}

/// A head's rows next to each other: from one to the next lies a whole image row of heads otherwise, and few sets of the cache would hold all.
template <int D>
INLINE Rows gather(const Rows &rows, int64_t length, float *gathered) {
    for (int64_t j = 0; j < length; j++) store<D>(load<D>(rows[j]), gathered + j * D);
    return {gathered, D};
}

/// `products[r, j] = Σ_c rows[r][c]·columns[c, j]` for a few rows.
template <int D>
INLINE void multiply(const float *const *rows, const float *columns, int64_t padded, float *products) {
    for (int64_t j = 0; j < padded; j += columns_at_once) {
        Wide sums[rows_at_once][2] = {};
        for (int c = 0; c < D; c++) {
            const float *column = columns + c * padded + j;
            const Wide low = load<width_of_lanes>(column), high = load<width_of_lanes>(column + width_of_lanes);
            for (int r = 0; r < rows_at_once; r++) {
                sums[r][0] += rows[r][c] * low;
                sums[r][1] += rows[r][c] * high;
            }
        }
        for (int r = 0; r < rows_at_once; r++)
            for (int l = 0; l < 2; l++) store<width_of_lanes>(sums[r][l], products + r * padded + j + l * width_of_lanes);
    }
}

/// `sums[r] = Σ_j weights[r, j]·rows[j]`.
template <int D>
INLINE void accumulate(const float *weights, int64_t padded, const Rows &rows, int64_t length, Lanes<D> sums[rows_at_once]) {
    Lanes<D> odd[rows_at_once];
    for (int r = 0; r < rows_at_once; r++) sums[r] = odd[r] = 0;
    int64_t j = 0;
    for (; j + 1 < length; j += 2) {
        const Lanes<D> first = load<D>(rows[j]), second = load<D>(rows[j + 1]);
        for (int r = 0; r < rows_at_once; r++) {
            sums[r] += weights[r * padded + j] * first;
            odd[r] += weights[r * padded + j + 1] * second;
        }
    }
    if (j < length)
        for (int r = 0; r < rows_at_once; r++) sums[r] += weights[r * padded + j] * load<D>(rows[j]);
    for (int r = 0; r < rows_at_once; r++) sums[r] += odd[r];
}

/// Pointers to `rows_at_once` rows from `first`; those beyond the end repeat the last.
INLINE int64_t take(const Rows &rows, int64_t first, int64_t length, const float **taken) {
    for (int64_t r = 0; r < rows_at_once; r++) taken[r] = rows[std::min(first + r, length - 1)];
    return std::min(rows_at_once, length - first);
}

struct Head {
    Rows query, key, value;
    int64_t queries, keys;
    float scale;
};

int64_t padded(int64_t length) { return (length + columns_at_once - 1) / columns_at_once * columns_at_once; }

/// `out` `[queries, D]` at distance `stride`, and the logarithm of each row's normaliser.
template <int D>
struct Forward {
    INLINE static void run(const Head &head, float *out, int64_t stride, float *normalisers, float *scratch) {
        const int64_t width = padded(head.keys);
        float *keys = scratch;
        float *scores = keys + D * width;
        transpose<D>(head.key, head.keys, width, head.scale, keys);
        const Rows values = gather<D>(head.value, head.keys, scores + rows_at_once * width);
        for (int64_t i = 0; i < head.queries; i += rows_at_once) {
            const float *rows[rows_at_once];
            const int64_t count = take(head.query, i, head.queries, rows);
            multiply<D>(rows, keys, width, scores);
            float totals[rows_at_once];
            for (int r = 0; r < rows_at_once; r++) {
                float *row = scores + r * width;
                // What stands beyond the keys takes no part.
                for (int64_t j = head.keys; j < width; j++) row[j] = -std::numeric_limits<float>::infinity();
                Wide peaks = load<width_of_lanes>(row);
                for (int64_t j = width_of_lanes; j < width; j += width_of_lanes)
                    peaks = larger<width_of_lanes>(peaks, load<width_of_lanes>(row + j));
                const float greatest = largest<width_of_lanes>(peaks);
                Wide parts = 0;
                for (int64_t j = 0; j < width; j += width_of_lanes) {
                    const Wide weights = exponential(load<width_of_lanes>(row + j) - greatest);
                    store<width_of_lanes>(weights, row + j);
                    parts += weights;
                }
                const float total = sum<width_of_lanes>(parts);
                totals[r] = total;
                if (r < count) normalisers[i + r] = greatest + std::log(total);
            }
            Lanes<D> sums[rows_at_once];
            accumulate<D>(scores, width, values, head.keys, sums);
            for (int64_t r = 0; r < count; r++) store<D>(sums[r] / totals[r], out + (i + r) * stride);
        }
    }
};

/// The gradients of query, key and value, `[length, D]` each without gaps; those of key and value start at zero.
template <int D>
struct Backward {
    INLINE static void run(
        const Head &head, const Rows &out, const Rows &gradient, const float *normalisers, float *of_query, float *of_key, float *of_value, float *scratch) {
        const int64_t width = padded(head.keys);
        float *keys = scratch;
        float *values = keys + D * width;
        float *weights = values + D * width;
        float *changes = weights + rows_at_once * width;
        const Rows key_rows = gather<D>(head.key, head.keys, changes + rows_at_once * width);
        transpose<D>(head.key, head.keys, width, head.scale, keys);
        transpose<D>(head.value, head.keys, width, 1, values);
        for (int64_t i = 0; i < head.queries; i += rows_at_once) {
            const float *rows[rows_at_once], *outs[rows_at_once], *gradients[rows_at_once];
            const int64_t count = take(head.query, i, head.queries, rows);
            take(out, i, head.queries, outs);
            take(gradient, i, head.queries, gradients);
            multiply<D>(rows, keys, width, weights);
            multiply<D>(gradients, values, width, changes);
            for (int64_t r = 0; r < rows_at_once; r++) {
                float *weight = weights + r * width, *change = changes + r * width;
                if (r >= count) {
                    // Rows beyond the end take no part.
                    std::fill_n(weight, width, 0.0f);
                    std::fill_n(change, width, 0.0f);
                    continue;
                }
                const float normaliser = normalisers[i + r];
                const float mean = sum<D>(load<D>(outs[r]) * load<D>(gradients[r]));
                for (int64_t j = 0; j < width; j += width_of_lanes) {
                    const Wide w = exponential(load<width_of_lanes>(weight + j) - normaliser);
                    store<width_of_lanes>(w, weight + j);
                    store<width_of_lanes>(w * (load<width_of_lanes>(change + j) - mean) * head.scale, change + j);
                }
            }
            Lanes<D> sums[rows_at_once];
            accumulate<D>(changes, width, key_rows, head.keys, sums);
            for (int64_t r = 0; r < count; r++) store<D>(sums[r], of_query + (i + r) * D);
            Lanes<D> queries[rows_at_once], slopes[rows_at_once];
            for (int r = 0; r < rows_at_once; r++) {
                queries[r] = load<D>(rows[r]);
                slopes[r] = load<D>(gradients[r]);
            }
            for (int64_t j = 0; j < head.keys; j++) {
                Lanes<D> key = load<D>(of_key + j * D), value = load<D>(of_value + j * D);
                for (int r = 0; r < rows_at_once; r++) {
                    key += changes[r * width + j] * queries[r];
                    value += weights[r * width + j] * slopes[r];
                }
                store<D>(key, of_key + j * D);
                store<D>(value, of_value + j * D);
            }
        }
    }
};

/// The kernel of this processor for heads of that many channels.
template <template <int> typename Kernel>
auto kernel(int64_t channels) {
    static const auto of8 = for_this_processor<Kernel<8>>(), of16 = for_this_processor<Kernel<16>>(), of32 = for_this_processor<Kernel<32>>();
    return channels == 8 ? of8 : channels == 16 ? of16 : of32;
}

Rows rows_of(const at::Tensor &tensor, int64_t head) {
    const int64_t heads = tensor.size(1);
    return {tensor.const_data_ptr<float>() + head / heads * tensor.stride(0) + head % heads * tensor.stride(1), tensor.stride(2)};
}

Head head_of(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, int64_t index) {
    return {rows_of(query, index), rows_of(key, index), rows_of(value, index), query.size(2), key.size(2),
            1 / std::sqrt(static_cast<float>(query.size(3)))};
}

int64_t scratch_size(const at::Tensor &key) { return (3 * key.size(3) + 2 * rows_at_once) * padded(key.size(2)); }

/// Each head by one thread, so that the result does not depend on how many there are.
template <typename Body>
void for_each_head(const at::Tensor &query, const at::Tensor &key, Body body) {
    at::parallel_for(0, query.size(0) * query.size(1), 1, [&](int64_t first, int64_t last) {
        std::vector<float> scratch(scratch_size(key));
        for (int64_t head = first; head < last; head++) body(head, scratch.data());
    });
}

/// `[B, H, N, D]` in the order in memory of `[B, N, H, D]`, which joining the heads turns into rows without a copy.
at::Tensor rows_like(const at::Tensor &tensor) {
    return at::empty({tensor.size(0), tensor.size(2), tensor.size(1), tensor.size(3)}, tensor.options()).transpose(1, 2);
}

at::Tensor with_plain_rows(const at::Tensor &tensor) { return tensor.stride(3) == 1 ? tensor : tensor.contiguous(); }

struct SmallHeads : torch::autograd::Function<SmallHeads> {
    static at::Tensor forward(torch::autograd::AutogradContext *context, at::Tensor query, at::Tensor key, at::Tensor value) {
        at::AutoDispatchBelowADInplaceOrView below;
        query = with_plain_rows(query);
        key = with_plain_rows(key);
        value = with_plain_rows(value);
        at::Tensor out = rows_like(query);
        at::Tensor normalisers = at::empty({query.size(0) * query.size(1), query.size(2)}, query.options());
        const auto run = kernel<Forward>(query.size(3));
        for_each_head(query, key, [&](int64_t head, float *scratch) {
            float *rows = const_cast<float *>(rows_of(out, head).first);
            run(head_of(query, key, value, head), rows, out.stride(2), normalisers.mutable_data_ptr<float>() + head * query.size(2), scratch);
        });
        context->save_for_backward({query, key, value, out, normalisers});
        return out;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
        at::AutoDispatchBelowADInplaceOrView below;
        const auto saved = context->get_saved_variables();
        const at::Tensor &query = saved[0], &key = saved[1], &value = saved[2], &out = saved[3], &normalisers = saved[4];
        const at::Tensor gradient = with_plain_rows(gradients[0]);
        at::Tensor of_query = at::empty(query.sizes(), query.options());
        at::Tensor of_key = at::zeros(key.sizes(), key.options());
        at::Tensor of_value = at::zeros(key.sizes(), key.options());
        const auto run = kernel<Backward>(query.size(3));
        const int64_t queries = query.size(2) * query.size(3), keys = key.size(2) * key.size(3);
        for_each_head(query, key, [&](int64_t head, float *scratch) {
            run(head_of(query, key, value, head), rows_of(out, head), rows_of(gradient, head), normalisers.const_data_ptr<float>() + head * query.size(2),
                   of_query.mutable_data_ptr<float>() + head * queries, of_key.mutable_data_ptr<float>() + head * keys,
                   of_value.mutable_data_ptr<float>() + head * keys, scratch);
        });
        return {of_query, of_key, of_value};
    }
};

bool serves(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value) {
    for (const at::Tensor *tensor : {&query, &key, &value})
        if (!tensor->device().is_cpu() || tensor->scalar_type() != at::kFloat || tensor->dim() != 4 || tensor->numel() == 0) return false;
    const int64_t channels = query.size(3);
    return (channels == 8 || channels == 16 || channels == 32) && key.size(2) <= longest && key.sizes() == value.sizes()
        && query.size(0) == key.size(0) && query.size(1) == key.size(1) && key.size(3) == channels;
}

/// softmax(q·kᵀ/√d)·v over `[B, heads, length, d]`.
at::Tensor attention(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value) {
    return serves(query, key, value) ? SmallHeads::apply(query, key, value) : at::scaled_dot_product_attention(query, key, value);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(seppo, library) {
    library.def("attention(Tensor query, Tensor key, Tensor value) -> Tensor", &attention);
}
