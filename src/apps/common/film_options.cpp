// Fields to options.
#include "apps/common/film_options.h"

#include "apps/common/field_options.h"

namespace t3video::apps {

void add_film_options(CLI::App& command, film::Request& request,
                      const std::function<bool(const film::RequestField&)>& wanted) {
    for (const film::RequestField& field : film::fields()) {
        if (wanted(field)) add_field(command, request, field);
    }
}

}  // namespace t3video::apps
