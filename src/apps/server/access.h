// Who may ask for what: pages of other sites, keys, rates.
#pragma once

#include <string>
#include <vector>

#include "apps/server/http/exchange.h"
#include "apps/server/keys.h"

namespace t3video::server {

class Access {
  public:
    // `local`: only this machine reaches the server.
    Access(Keys keys, std::vector<std::string> origins, bool local);

    bool keyed() const { return !keys_.none(); }

    // Throws HttpError (403) for a page of another site: a browser sends its requests whether or not it may read the
    // answers, and takes any name that leads to this machine for its address.
    void check_site(const Request& request) const;
    // Throws HttpError, 401 and 429; fills in whose request it is.
    void check_key(Request& request);
    // What allows pages of these origins to read answers.
    Pairs sharing(const Request& request) const;

  private:
    bool is_shared_with(const std::string& origin) const;

    const Keys keys_;
    std::vector<std::string> origins_;
    const bool local_;
    Rates rates_;
};

}  // namespace t3video::server
