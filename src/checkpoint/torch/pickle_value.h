// What a state dict's pickle is made of: the opcodes it needs, the values they make, the names it may import.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/dtype.h"

namespace t3video::checkpoint::pickle {

// Those of protocols 2 to 5, but for what only makes objects of classes and buffers outside the pickle.
enum class Opcode : uint8_t {
    mark = '(',
    stop = '.',
    pop = '0',
    pop_mark = '1',
    dup = '2',
    binbytes = 'B',
    short_binbytes = 'C',
    float_line = 'F',
    binfloat = 'G',
    int_line = 'I',
    binint = 'J',
    binint1 = 'K',
    long_line = 'L',
    binint2 = 'M',
    none = 'N',
    binpersid = 'Q',
    reduce = 'R',
    binstring = 'T',
    short_binstring = 'U',
    binunicode = 'X',
    empty_list = ']',
    append = 'a',
    build = 'b',
    global = 'c',
    appends = 'e',
    binget = 'h',
    long_binget = 'j',
    binput = 'q',
    long_binput = 'r',
    setitem = 's',
    tuple = 't',
    setitems = 'u',
    empty_dict = '}',
    empty_tuple = ')',
    proto = 0x80,
    newobj = 0x81,
    tuple1 = 0x85,
    tuple2 = 0x86,
    tuple3 = 0x87,
    newtrue = 0x88,
    newfalse = 0x89,
    long1 = 0x8A,
    long4 = 0x8B,
    short_binunicode = 0x8C,
    binunicode8 = 0x8D,
    binbytes8 = 0x8E,
    empty_set = 0x8F,
    additems = 0x90,
    frozenset = 0x91,
    stack_global = 0x93,
    memoize = 0x94,
    frame = 0x95,
    bytearray8 = 0x96,
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
// An integer of more than 64 bits: two's complement, the lowest byte first.
struct LongInteger {
    std::string_view digits;
};
// Something that says nothing about weights; what it was made by, for messages.
struct Opaque {
    std::string_view what;
};
// The type of a tensor's elements. Without a DType it is one that nothing here reads.
struct ElementType {
    std::string_view name;
    std::optional<DType> dtype;
    size_t bytes = 0;  // of an element that is not read
};
inline size_t size_of(const ElementType& type) {
    return type.dtype ? t3video::size_of(*type.dtype) : type.bytes;
}
struct StorageType {
    ElementType elements;
};
// Elements [first, first + elements) of the storage of this key.
struct StorageRef {
    ElementType type;
    std::string_view key;
    int64_t first = 0, elements = 0;
};
// A tensor that a call would have made, by its index in the machine's list.
struct TensorRef {
    size_t index;
};
enum class Function {
    dict,
    size,
    rebuild_tensor,
    rebuild_tensor_v2,
    rebuild_tensor_v3,
    rebuild_parameter,
    rebuild_from_type,
};
using Value = std::variant<None, bool, int64_t, double, std::string_view, LongInteger, Opaque, Tuple, List, Dict,
                           ElementType, StorageType, Function, StorageRef, TensorRef>;

using Global = std::variant<Opaque, ElementType, StorageType, Function>;

// What a pickle may import under this name, if it may; imports are looked up, never run.
std::optional<Global> allowed_global(std::string_view name);

}  // namespace t3video::checkpoint::pickle
