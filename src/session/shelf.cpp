// Entries by stage.
#include "session/shelf.h"

#include <algorithm>

namespace t3video::session {

const Shelf::Entry* Shelf::find(const Model& model, const std::string& stage) const {
    const auto found =
        std::ranges::find_if(entries_, [&](const Entry& e) { return e.model == &model && e.stage == stage; });
    return found == entries_.end() ? nullptr : &*found;
}

bool Shelf::has(const Model& model, const std::string& stage, nn::Residency residency) const {
    const Entry* entry = find(model, stage);
    return entry && entry->residency == residency && entry->turn == 0;
}

void Shelf::drop(const std::string& stage) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.stage == stage; });
}

void Shelf::drop(const Model& model) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.model == &model; });
}

std::vector<plan::Held> Shelf::held() const {
    std::vector<plan::Held> all;
    for (const Entry& entry : entries_) all.push_back({entry.stage, entry.bytes});
    return all;
}

size_t Shelf::bytes() const {
    size_t sum = 0;
    for (const Entry& entry : entries_) sum += entry.bytes;
    return sum;
}

}  // namespace t3video::session
