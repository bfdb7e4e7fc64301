// Everything that the pickle of a file of weights may import.
#include <algorithm>
#include <iterator>

#include "checkpoint/torch/pickle_value.h"

namespace t3video::checkpoint::pickle {
namespace {

struct AllowedGlobal {
    std::string_view name;
    Global value;
};

constexpr StorageType storage(std::string_view name, std::optional<DType> dtype, size_t bytes = 0) {
    return {{name, dtype, bytes}};
}
constexpr ElementType elements(std::string_view name, std::optional<DType> dtype = std::nullopt) {
    return {name, dtype};
}

constexpr AllowedGlobal kAllowed[] = {
    {"collections.OrderedDict", Function::dict},
    {"collections.defaultdict", Function::dict},
    {"collections.Counter", Function::dict},
    {"torch.Size", Function::size},
    {"torch._utils._rebuild_tensor", Function::rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", Function::rebuild_tensor_v2},
    {"torch._utils._rebuild_tensor_v3", Function::rebuild_tensor_v3},
    {"torch._utils._rebuild_parameter", Function::rebuild_parameter},
    {"torch._utils._rebuild_parameter_with_state", Function::rebuild_parameter},
    {"torch._tensor._rebuild_from_type_v2", Function::rebuild_from_type},

    {"torch.FloatStorage", storage("f32", DType::f32)},
    {"torch.BFloat16Storage", storage("bf16", DType::bf16)},
    {"torch.HalfStorage", storage("f16", DType::f16)},
    {"torch.DoubleStorage", storage("f64", DType::f64)},
    {"torch.LongStorage", storage("i64", DType::i64)},
    {"torch.IntStorage", storage("i32", DType::i32)},
    {"torch.ShortStorage", storage("i16", DType::i16)},
    {"torch.CharStorage", storage("i8", DType::i8)},
    {"torch.ByteStorage", storage("u8", DType::u8)},
    {"torch.BoolStorage", storage("bool", DType::boolean)},
    {"torch.storage.UntypedStorage", storage("bytes", DType::u8)},
    {"torch.ComplexFloatStorage", storage("complex64", std::nullopt, 8)},
    {"torch.ComplexDoubleStorage", storage("complex128", std::nullopt, 16)},

    {"torch.float32", elements("f32", DType::f32)},
    {"torch.bfloat16", elements("bf16", DType::bf16)},
    {"torch.float16", elements("f16", DType::f16)},
    {"torch.float64", elements("f64", DType::f64)},
    {"torch.int64", elements("i64", DType::i64)},
    {"torch.int32", elements("i32", DType::i32)},
    {"torch.int16", elements("i16", DType::i16)},
    {"torch.int8", elements("i8", DType::i8)},
    {"torch.uint8", elements("u8", DType::u8)},
    {"torch.bool", elements("bool", DType::boolean)},
    {"torch.float8_e4m3fn", elements("f8_e4m3", DType::f8_e4m3)},
    {"torch.float8_e5m2", elements("f8_e5m2", DType::f8_e5m2)},
    {"torch.float8_e4m3fnuz", elements("float8_e4m3fnuz")},
    {"torch.float8_e5m2fnuz", elements("float8_e5m2fnuz")},
    {"torch.float8_e8m0fnu", elements("float8_e8m0fnu")},
    {"torch.float4_e2m1fn_x2", elements("float4_e2m1fn_x2")},
    {"torch.uint16", elements("uint16")},
    {"torch.uint32", elements("uint32")},
    {"torch.uint64", elements("uint64")},
    {"torch.complex32", elements("complex32")},
    {"torch.complex64", elements("complex64")},
    {"torch.complex128", elements("complex128")},

    // What stands beside weights in checkpoints of training.
    {"torch.device", Opaque{"torch.device"}},
    {"torch.Tensor", Opaque{"torch.Tensor"}},
    {"torch._tensor.Tensor", Opaque{"torch.Tensor"}},
    {"torch.nn.parameter.Parameter", Opaque{"torch.nn.Parameter"}},
    {"torch.nn.parameter.Buffer", Opaque{"torch.nn.Buffer"}},
    {"numpy.dtype", Opaque{"numpy.dtype"}},
    {"numpy.ndarray", Opaque{"numpy.ndarray"}},
    {"numpy.core.multiarray.scalar", Opaque{"numpy's number"}},
    {"numpy._core.multiarray.scalar", Opaque{"numpy's number"}},
    {"numpy.core.multiarray._reconstruct", Opaque{"numpy.ndarray"}},
    {"numpy._core.multiarray._reconstruct", Opaque{"numpy.ndarray"}},
    {"numpy.core.numeric._frombuffer", Opaque{"numpy.ndarray"}},
    {"numpy._core.numeric._frombuffer", Opaque{"numpy.ndarray"}},
    {"_codecs.encode", Opaque{"bytes"}},
};

// Types of Python's own, under the module's names of Python 2 and 3.
constexpr std::string_view kBuiltins[] = {"bool",      "bytearray", "bytes", "complex", "dict",    "float",
                                          "frozenset", "int",       "list",  "long",    "object",  "range",
                                          "set",       "slice",     "str",   "tuple",   "unicode", "xrange"};

}  // namespace

std::optional<Global> allowed_global(std::string_view name) {
    const auto* known = std::ranges::find(kAllowed, name, &AllowedGlobal::name);
    if (known != std::end(kAllowed)) return known->value;
    for (const std::string_view module : {"builtins.", "__builtin__."}) {
        if (!name.starts_with(module)) continue;
        const auto* type = std::ranges::find(kBuiltins, name.substr(module.size()));
        if (type != std::end(kBuiltins)) return Opaque{*type};
    }
    return std::nullopt;
}

}  // namespace t3video::checkpoint::pickle
