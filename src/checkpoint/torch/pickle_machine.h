// A symbolic pickle machine: its stack holds descriptions, never objects. Values are numbered and refer to each other
// by number, so a pickle that makes cycles or shares parts costs no more than it has opcodes.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/torch/pickle.h"
#include "checkpoint/torch/pickle_value.h"
#include "core/error.h"

namespace t3video::checkpoint::pickle {

// What a pickle describes. Texts are views of the pickle's bytes.
struct Pickled {
    std::vector<Value> values;
    Id root = 0;
    std::vector<PickledTensor> tensors;  // without names
    std::vector<StorageRef> storages;    // as often as they are referred to
    size_t bytes = 0;                    // the pickle's own; others may follow
};

// Runs a pickle to its STOP. Errors begin with `where`, which must outlive the machine.
class Machine {
  public:
    Machine(std::span<const std::byte> pickle, const std::string& where) : pickle_(pickle), where_(where) {}

    Pickled run();

  private:
    static constexpr size_t kMaxValues = size_t{1} << 22;  // 4 million: far above any state dict, about 250 MB
    static constexpr size_t kLongestKey = 256;             // bytes; torch numbers its storages

    template <class... Parts>
    [[noreturn]] void fail(const Parts&... parts) const {
        throw InvalidRequest(concat(where_, ": pickle byte ", at_, ": ", parts...));
    }
    template <class... Parts>
    void check(bool condition, const Parts&... parts) const {
        if (!condition) fail(parts...);
    }

    // These read the pickle from front to back.
    std::string_view read_bytes(size_t count);
    template <class T>
    T number() {
        T value;
        std::memcpy(&value, read_bytes(sizeof(T)).data(), sizeof(T));
        return value;
    }
    std::string_view line();
    Value integer_line();
    Value integer_of(size_t bytes);

    // These work on the stack.
    void push(Value value);
    size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
    Ids pop(size_t count);
    Ids pop_to_mark();
    Id top() const;
    template <class T>
    const T& as(Id id, const char* what) const {
        const T* const value = std::get_if<T>(&pickled_.values[id]);
        check(value != nullptr, "expected ", what);
        return *value;
    }
    // As as(), null where it is another kind of value.
    template <class T>
    const T* if_is(Id id) const {
        return std::get_if<T>(&pickled_.values[id]);
    }

    bool step();
    bool make_text_or_bytes(Opcode opcode);
    bool make_number(Opcode opcode);
    bool make_container(Opcode opcode);
    bool use_memo(Opcode opcode);
    void push_global(std::string_view module, std::string_view attribute);
    void remember(size_t slot);
    void recall(size_t slot);
    void set_items(const Ids& items);
    void append(const Ids& items);

    // Calls, in pickle_calls.cpp.
    StorageRef storage_reference(Id id) const;
    Value call(Id function, const Ids& arguments);
    Value called(Function function, const Ids& arguments);
    Dict dict_of_pairs(const Ids& arguments);
    // What a call copies, whose sum is bounded: a pickle may call often with the same large argument.
    template <class Items>
    Items copied(const Items& items) {
        copied_ += items.size();
        check(copied_ <= kMaxValues, "copies more than ", kMaxValues, " values: not a state dict");
        return items;
    }
    TensorRef rebuild_tensor(const Ids& arguments, const ElementType* type);
    std::vector<int64_t> integers(Id id, const char* what) const;

    std::span<const std::byte> pickle_;
    const std::string& where_;
    size_t position_ = 0, at_ = 0;  // of the next byte, of the current opcode
    Pickled pickled_;
    Ids stack_;
    std::vector<size_t> marks_;
    std::unordered_map<size_t, Id> memo_;
    size_t copied_ = 0;  // values
};

}  // namespace t3video::checkpoint::pickle
