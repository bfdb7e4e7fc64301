// The opcodes.
#include "checkpoint/torch/pickle_machine.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

#include "checkpoint/checks.h"

namespace t3video::checkpoint::pickle {

Pickled Machine::run() {
    while (step()) {
    }
    check(marks_.empty() && stack_.size() == 1, "STOP with ", stack_.size(), " values on the stack, expected 1");
    pickled_.root = stack_.back();
    pickled_.bytes = position_;
    return std::move(pickled_);
}

std::string_view Machine::read_bytes(size_t count) {
    check(count <= pickle_.size() - position_, "the pickle ends within this opcode; the file is truncated");
    const auto* const begin = reinterpret_cast<const char*>(pickle_.data()) + position_;
    position_ += count;
    return {begin, count};
}

std::string_view Machine::line() {
    const std::string_view rest(reinterpret_cast<const char*>(pickle_.data()) + position_, pickle_.size() - position_);
    const size_t length = rest.find('\n');
    check(length != std::string_view::npos, "the pickle ends within a name; the file is truncated");
    return read_bytes(length + 1).substr(0, length);
}

// An integer in digits, which Python 2 ends with an L; "00" and "01" were its truth values.
Value Machine::integer_line() {
    std::string_view digits = line();
    if (digits == "00" || digits == "01") return digits == "01";
    if (digits.ends_with('L')) digits.remove_suffix(1);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    check(error == std::errc() && end == digits.data() + digits.size(), "expected an integer of 64 bits, found ",
          quote(digits));
    return value;
}

// An integer in little-endian two's complement.
Value Machine::integer_of(size_t bytes) {
    const std::string_view digits = read_bytes(bytes);
    if (bytes > sizeof(int64_t)) return LongInteger{digits};
    const bool negative = bytes > 0 && (digits.back() & 0x80) != 0;
    int64_t value = negative ? -1 : 0;
    std::memcpy(&value, digits.data(), bytes);
    return value;
}

void Machine::push(Value value) {
    check(pickled_.values.size() < kMaxValues, "more than ", kMaxValues, " values: not a state dict");
    stack_.push_back(static_cast<Id>(pickled_.values.size()));
    pickled_.values.push_back(std::move(value));
}

Ids Machine::pop(size_t count) {
    check(stack_.size() - floor() >= count, "takes ", count, " values from a stack of ", stack_.size() - floor());
    const Ids popped(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return popped;
}

Ids Machine::pop_to_mark() {
    check(!marks_.empty(), "takes values up to a mark, but none is set");
    const Ids popped = pop(stack_.size() - marks_.back());
    marks_.pop_back();
    return popped;
}

Id Machine::top() const {
    check(stack_.size() > floor(), "needs a value on the stack, which is empty");
    return stack_.back();
}

// Runs one opcode; false at STOP.
bool Machine::step() {
    at_ = position_;
    check(position_ < pickle_.size(), "the pickle ends without STOP; the file is truncated");
    const auto byte = number<uint8_t>();
    const auto opcode = static_cast<Opcode>(byte);
    if (make_text_or_bytes(opcode) || make_number(opcode) || make_container(opcode) || use_memo(opcode)) return true;
    switch (opcode) {
        case Opcode::proto: {
            const int version = number<uint8_t>();
            check(version >= 2 && version <= 5, "pickle protocol ", version, ", expected 2 to 5");
            return true;
        }
        case Opcode::frame:
            check(number<uint64_t>() <= pickle_.size() - position_, "a frame ends beyond the pickle; it is truncated");
            return true;
        case Opcode::global: {
            const std::string_view module = line(), attribute = line();
            push_global(module, attribute);
            return true;
        }
        case Opcode::stack_global: {
            const Ids names = pop(2);
            const auto module = as<std::string_view>(names[0], "a text as module"),
                       attribute = as<std::string_view>(names[1], "a text as name");
            push_global(module, attribute);
            return true;
        }
        case Opcode::mark:
            check(marks_.size() < kMaxValues, "more than ", kMaxValues, " marks: not a state dict");
            marks_.push_back(stack_.size());
            return true;
        case Opcode::pop:
            pop(1);
            return true;
        case Opcode::pop_mark:
            pop_to_mark();
            return true;
        case Opcode::dup:
            check(stack_.size() < kMaxValues, "more than ", kMaxValues, " values: not a state dict");
            stack_.push_back(top());
            return true;
        case Opcode::binpersid:
            pickled_.storages.push_back(storage_reference(pop(1)[0]));
            push(pickled_.storages.back());
            return true;
        case Opcode::reduce:
        case Opcode::newobj: {  // a class is called as a function is
            const Ids operands = pop(2);
            push(call(operands[0], as<Tuple>(operands[1], "a tuple of arguments").items));
            return true;
        }
        case Opcode::build:
            pop(1);
            top();
            return true;  // the object stays; its state (a module's _metadata) is of no use
        case Opcode::stop:
            return false;
        default: {
            constexpr std::string_view kHex = "0123456789abcdef";
            fail("opcode 0x", kHex[byte >> 4], kHex[byte & 15], " is not one that a state dict needs");
        }
    }
}

bool Machine::make_text_or_bytes(Opcode opcode) {
    switch (opcode) {
        case Opcode::binunicode:
        case Opcode::binstring:  // what Python 2 calls a text
            push(read_bytes(number<uint32_t>()));
            return true;
        case Opcode::short_binunicode:
        case Opcode::short_binstring:
            push(read_bytes(number<uint8_t>()));
            return true;
        case Opcode::binunicode8:
            push(read_bytes(number<uint64_t>()));
            return true;
        case Opcode::binbytes:
            read_bytes(number<uint32_t>());
            break;
        case Opcode::short_binbytes:
            read_bytes(number<uint8_t>());
            break;
        case Opcode::binbytes8:
        case Opcode::bytearray8:
            read_bytes(number<uint64_t>());
            break;
        default:
            return false;
    }
    push(Opaque{"bytes"});
    return true;
}

bool Machine::make_number(Opcode opcode) {
    switch (opcode) {
        case Opcode::none:
            push(None{});
            return true;
        case Opcode::newtrue:
            push(true);
            return true;
        case Opcode::newfalse:
            push(false);
            return true;
        case Opcode::binint:
            push(int64_t{number<int32_t>()});
            return true;
        case Opcode::binint1:
            push(int64_t{number<uint8_t>()});
            return true;
        case Opcode::binint2:
            push(int64_t{number<uint16_t>()});
            return true;
        case Opcode::long1:
            push(integer_of(number<uint8_t>()));
            return true;
        case Opcode::long4:
            push(integer_of(number<uint32_t>()));
            return true;
        case Opcode::int_line:
        case Opcode::long_line:
            push(integer_line());
            return true;
        case Opcode::binfloat:
            push(std::bit_cast<double>(__builtin_bswap64(number<uint64_t>())));
            return true;
        case Opcode::float_line:
            line();
            push(Opaque{"float"});  // which no part of a tensor is
            return true;
        default:
            return false;
    }
}

bool Machine::make_container(Opcode opcode) {
    switch (opcode) {
        case Opcode::empty_tuple:
            push(Tuple{});
            return true;
        case Opcode::tuple1:
            push(Tuple{pop(1)});
            return true;
        case Opcode::tuple2:
            push(Tuple{pop(2)});
            return true;
        case Opcode::tuple3:
            push(Tuple{pop(3)});
            return true;
        case Opcode::tuple:
            push(Tuple{pop_to_mark()});
            return true;
        case Opcode::empty_dict:
            push(Dict{});
            return true;
        case Opcode::setitem:
            set_items(pop(2));
            return true;
        case Opcode::setitems:
            set_items(pop_to_mark());
            return true;
        case Opcode::empty_list:
        case Opcode::empty_set:
            push(List{});
            return true;
        case Opcode::append:
            append(pop(1));
            return true;
        case Opcode::appends:
        case Opcode::additems:
            append(pop_to_mark());
            return true;
        case Opcode::frozenset:
            push(List{pop_to_mark()});
            return true;
        default:
            return false;
    }
}

bool Machine::use_memo(Opcode opcode) {
    switch (opcode) {
        case Opcode::binput:
            remember(number<uint8_t>());
            return true;
        case Opcode::long_binput:
            remember(number<uint32_t>());
            return true;
        case Opcode::memoize:
            remember(memo_.size());
            return true;
        case Opcode::binget:
            recall(number<uint8_t>());
            return true;
        case Opcode::long_binget:
            recall(number<uint32_t>());
            return true;
        default:
            return false;
    }
}

void Machine::push_global(std::string_view module, std::string_view attribute) {
    const std::string name = concat(module, ".", attribute);
    const auto known = allowed_global(name);
    if (!known) {
        fail("the pickle refers to ", quote(name),
             ", which a file of weights does not need; nothing was run. If you trust the file, load it with ",
             "torch.load(FILE, weights_only=False) and save its dict of tensors alone");
    }
    push(std::visit([](auto value) { return Value(value); }, *known));
}

void Machine::remember(size_t slot) {
    check(memo_.size() < kMaxValues, "remembers more than ", kMaxValues, " values: not a state dict");
    memo_[slot] = top();
}

void Machine::recall(size_t slot) {
    const auto found = memo_.find(slot);
    check(found != memo_.end(), "reads memo ", slot, ", which was never stored");
    stack_.push_back(found->second);
}

void Machine::set_items(const Ids& items) {
    check(items.size() % 2 == 0, "an odd number of dict keys and values: ", items.size());
    auto& target = pickled_.values[top()];
    if (std::holds_alternative<Opaque>(target)) return;  // an object of no use
    auto* const dict = std::get_if<Dict>(&target);
    check(dict != nullptr, "sets items of something other than a dict");
    for (size_t i = 0; i < items.size(); i += 2) dict->entries.emplace_back(items[i], items[i + 1]);
}

void Machine::append(const Ids& items) {
    auto& target = pickled_.values[top()];
    if (std::holds_alternative<Opaque>(target)) return;
    auto* const list = std::get_if<List>(&target);
    check(list != nullptr, "appends to something other than a list");
    list->items.insert(list->items.end(), items.begin(), items.end());
}

}  // namespace t3video::checkpoint::pickle
