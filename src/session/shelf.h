// Networks that wait prepared between films.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "session/model.h"

namespace t3video::session {

class Shelf {
  public:
    // Whether the network that a stage begins with waits as this plan wants it.
    bool has(const Model& model, const std::string& stage, nn::Residency residency) const;

    // The network of a stage; `make` prepares it where it does not wait so. Of experts that take turns one is there at
    // a time: `turn` is its number. It stays valid until another call for this stage, or drop().
    template <class Network>
    const Network& get(const Model& model, const plan::StagePlan& plan, size_t turn,
                       const std::function<Network()>& make) {
        if (const Entry* entry = find(model, plan.name);
            entry && entry->residency == plan.residency && entry->turn == turn)
            return *static_cast<const Network*>(entry->network.get());
        drop(plan.name);
        entries_.push_back(
            {&model, plan.name, plan.residency, turn, plan.held, std::make_shared<const Network>(make())});
        return *static_cast<const Network*>(entries_.back().network.get());
    }

    // Gives the memory of a stage's network back to the allocator.
    void drop(const std::string& stage);
    void drop(const Model& model);

    std::vector<plan::Held> held() const;
    size_t bytes() const;

  private:
    struct Entry {
        const Model* model;
        std::string stage;
        nn::Residency residency;
        size_t turn, bytes;
        std::shared_ptr<const void> network;
    };
    const Entry* find(const Model& model, const std::string& stage) const;

    std::vector<Entry> entries_;  // one for each stage at most
};

}  // namespace t3video::session
