// What a state dict's pickle is made of: the opcodes it needs, the values they make, the names it may import.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/dtype.h"

namespace t3video::checkpoint::pickle {

enum class Opcode : uint8_t {
    mark = '(',
    stop = '.',
    none = 'N',
    reduce = 'R',
    build = 'b',
    global = 'c',
    binpersid = 'Q',
    binint = 'J',
    binint1 = 'K',
    binint2 = 'M',
    long1 = 0x8A,
    binfloat = 'G',
    newtrue = 0x88,
    newfalse = 0x89,
    binunicode = 'X',
    short_binunicode = 0x8C,
    empty_tuple = ')',
    tuple1 = 0x85,
    tuple2 = 0x86,
    tuple3 = 0x87,
    tuple = 't',
    empty_dict = '}',
    setitem = 's',
    setitems = 'u',
    empty_list = ']',
    append = 'a',
    appends = 'e',
    binput = 'q',
    long_binput = 'r',
    memoize = 0x94,
    binget = 'h',
    long_binget = 'j',
    proto = 0x80,
};

using Id = uint32_t;  // a value's number
using Ids = std::vector<Id>;

struct None {};
struct Tuple {
    Ids items;
};
struct List {
    Ids items;
};
struct Dict {
    std::vector<std::pair<Id, Id>> entries;
};
struct StorageType {
    DType dtype;
};
// The elements in the zip entry of this key.
struct StorageRef {
    DType dtype;
    std::string_view key;
    int64_t elements;
};
// A tensor that a call would have made, by its index in the machine's list.
struct TensorRef {
    size_t index;
};
enum class Function { ordered_dict, rebuild_tensor, rebuild_parameter };
using Value = std::variant<None, bool, int64_t, double, std::string_view, Tuple, List, Dict, StorageType, Function,
                           StorageRef, TensorRef>;

struct AllowedGlobal {
    std::string_view name;
    std::variant<StorageType, Function> value;
};

// Everything that a state dict may import.
constexpr std::array<AllowedGlobal, 11> kAllowedGlobals = {{
    {"collections.OrderedDict", Function::ordered_dict},
    {"torch._utils._rebuild_tensor_v2", Function::rebuild_tensor},
    {"torch._utils._rebuild_parameter", Function::rebuild_parameter},
    {"torch.FloatStorage", StorageType{DType::f32}},
    {"torch.BFloat16Storage", StorageType{DType::bf16}},
    {"torch.HalfStorage", StorageType{DType::f16}},
    {"torch.DoubleStorage", StorageType{DType::f64}},
    {"torch.LongStorage", StorageType{DType::i64}},
    {"torch.IntStorage", StorageType{DType::i32}},
    {"torch.BoolStorage", StorageType{DType::boolean}},
    {"torch.ByteStorage", StorageType{DType::u8}},
}};

}  // namespace t3video::checkpoint::pickle
