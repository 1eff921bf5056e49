// The C door into libtorch: operators are found by name in its dispatcher and called with tagged arguments.
// Every function that can fail returns NULL on success or a message that stays valid until the next call on the same thread.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CTTensor CTTensor;
typedef struct CTOperator CTOperator;
typedef struct CTGenerator CTGenerator;
typedef const char *CTError;

typedef enum CTTag {
    CTTagDefault = 0,  // the operator's own default
    CTTagNone,
    CTTagTensor,       // handle (NULL: none)
    CTTagInt,          // also dtypes, layouts and memory formats
    CTTagDouble,
    CTTagBool,
    CTTagString,       // text
    CTTagDevice,       // integer = type, count = index
    CTTagGenerator,    // handle
    CTTagInts,         // ints[integer ..< integer + count]
    CTTagDoubles,      // doubles[integer ..< integer + count]
    CTTagBools,        // ints[integer ..< integer + count], 0 or 1
    CTTagTensors,      // tensors[integer ..< integer + count]
} CTTag;

typedef struct CTValue {
    CTTag tag;
    int32_t count;
    union {
        int64_t integer;
        double number;
        const void *handle;
        const char *text;
    };
} CTValue;

/// Lists live in three pools beside the arguments, so that an argument needs no pointer of its own.
typedef struct CTArguments {
    const CTValue *values;
    int32_t count;
    const int64_t *ints;
    const double *doubles;
    CTTensor *const *tensors;
} CTArguments;

// Operators. `overload` is "" for the plain one. Results (tensors, lists flattened) are owned by the caller; the array itself is the
// callee's and is valid until the next call on the same thread.
CTError ct_operator_find(const char *name, const char *overload, const CTOperator **result);
CTError ct_operator_call(const CTOperator *op, const CTArguments *arguments, CTTensor *const **results, int32_t *count);

// Tensors. `release` is called with `context` once libtorch no longer needs `data`, which on failure is at once.
CTError ct_tensor_from_memory(void *data, const int64_t *shape, int32_t rank, int32_t dtype, void *context, void (*release)(void *), CTTensor **result);
void ct_tensor_release(CTTensor *tensor);
CTTensor *ct_tensor_retained(const CTTensor *tensor);  // the same tensor, to be released once more
int32_t ct_tensor_rank(const CTTensor *tensor);
const int64_t *ct_tensor_shape(const CTTensor *tensor);
const int64_t *ct_tensor_strides(const CTTensor *tensor);
int32_t ct_tensor_dtype(const CTTensor *tensor);
int32_t ct_tensor_device_type(const CTTensor *tensor);
int32_t ct_tensor_device_index(const CTTensor *tensor);
void *ct_tensor_data(const CTTensor *tensor);  // NULL where there is none, as for a sparse tensor

// Automatic differentiation.
typedef CTTensor *(*CTBody)(void *context, CTTensor *x, CTTensor *y);  // takes over both handles and gives one
CTError ct_tensor_set_requires_grad(CTTensor *tensor, bool value);
bool ct_tensor_requires_grad(const CTTensor *tensor);
CTTensor *ct_tensor_grad(const CTTensor *tensor);  // owned by the caller, NULL where there is none
void ct_tensor_clear_grad(CTTensor *tensor);
void ct_tensor_set_grad(CTTensor *tensor, const CTTensor *grad);
CTError ct_backward(CTTensor *loss);
// run(x, y), of which nothing but x and y is kept for the gradient: it is run again then. `release` is called with `context` when it is needed no more.
CTError ct_recomputed(const CTTensor *x, const CTTensor *y, void *context, CTBody run, void (*release)(void *), CTTensor **result);
bool ct_grad_mode_get(void);
bool ct_grad_mode_set(bool enabled);  // returns the former value

// Mixed precision of this thread, by libtorch's autocast: the dtype in which the device's operators compute where that is safe, or -1.
bool ct_autocast_is_available(int32_t device_type);
int32_t ct_autocast_get(int32_t device_type);
CTError ct_autocast_set(int32_t device_type, int32_t dtype);

// Random numbers, of the processor's generator.
CTError ct_generator_new(uint64_t seed, CTGenerator **result);
void ct_generator_release(CTGenerator *generator);

// The process.
const char *ct_version(void);
void ct_threads_set(int32_t count);
int32_t ct_threads_get(void);
void ct_flush_denormals(void);

// Devices. How many of a kind can be used, and whether this libtorch was built for them.
bool ct_device_is_built(int32_t device_type);
int32_t ct_device_count(int32_t device_type);
// Bytes of tensors on the device now, and the most since the start or the last reset; -1 where libtorch does not count them.
CTError ct_device_memory(int32_t device_type, int32_t device_index, int64_t *allocated, int64_t *peak);
CTError ct_device_reset_peak(int32_t device_type, int32_t device_index);
CTError ct_device_synchronize(int32_t device_type, int32_t device_index);
// Between begin and end, which nest, every call in every thread fails whose tensors of one axis or more lie on more than one device.
// Operators that move data are exempt: copy_, copy, _foreach_copy_, to and _to_copy.
void ct_device_check_begin(void);
void ct_device_check_end(void);

#ifdef __cplusplus
}
#endif

#include "Collective.h"

#endif
