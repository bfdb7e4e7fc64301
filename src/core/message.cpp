// Messages to text.
#include "core/message.h"

namespace t3video {

std::string Message::in(const Tongue& tongue) const {
    std::string text;
    for (const auto& piece : pieces_) {
        if (const auto* words = std::get_if<std::string>(&piece)) text += *words;
        if (const auto* field = std::get_if<Field>(&piece)) text += tongue.field(*field);
        if (const auto* remedy = std::get_if<Remedy>(&piece)) text += tongue.remedy(*remedy);
    }
    return text;
}

std::string Message::plain() const {
    return in({.field = [](const Field& f) { return f.value.empty() ? f.name : f.name + ' ' + f.value; },
               .remedy =
                   [](const Remedy& r) {
                       if (r.kind == Remedy::Kind::resume_run) return concat("resume the run ", r.job);
                       return concat(r.kind == Remedy::Kind::resume ? "resume" : "decode", " the job ", r.job);
                   }});
}

Message Message::with_words(const std::function<std::string(const std::string&)>& words) const {
    Message changed = *this;
    for (auto& piece : changed.pieces_) {
        if (auto* text = std::get_if<std::string>(&piece)) *text = words(*text);
        if (auto* field = std::get_if<Field>(&piece)) field->value = words(field->value);
        if (auto* remedy = std::get_if<Remedy>(&piece)) remedy->job = words(remedy->job);
    }
    return changed;
}

const Field* Message::field() const {
    for (const auto& piece : pieces_) {
        if (const auto* field = std::get_if<Field>(&piece)) return field;
    }
    return nullptr;
}

}  // namespace t3video
