// What a client asks of a film, from JSON or a form, as fields of a film.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/server/dialect.h"
#include "apps/server/http/exchange.h"
#include "serving/service.h"

namespace t3video::server {

HttpError wrong_field(const std::string& param, const std::string& message);

class FilmForm {
  public:
    enum class Takes {
        film,    // the dialect
        format,  // container, and the fields of a file's format by their own names
    };
    // `origin`: of a remix, the film whose fields hold where none is given; null: none.
    FilmForm(serving::Service& service, Takes takes, const serving::Entry* origin = nullptr)
        : service_(service), takes_(takes), origin_(origin) {}

    // These throw HttpError (400) that names the field: for one that there is not, for a value of another kind, and
    // where it was given before with another value.
    void add(const std::string& name, const ordered_json& value);  // null: as if it was not given
    void add_text(const std::string& name, const std::string& text);
    void add_upload(const serving::Upload& upload);

    // Throws HttpError (400) where fields do not go together.
    serving::Submission submission() const;
    // The name under which the client gave the film's field.
    std::string param_of(const std::string& film_field) const;
    // The picture or video that came along; without an id where none did.
    const serving::Upload& upload() const { return upload_; }
    bool has(const std::string& film_field) const { return values_.contains(film_field); }

  private:
    // As people write it, and the name under which it was given.
    struct Value {
        std::string text, param;
    };
    using Values = std::map<std::string, Value>;

    static void put(Values& values, const std::string& name, const std::string& text, const std::string& param);
    void put_field(const DialectField& field, const std::string& text);
    void add_member(const std::string& name, const std::string& member, const std::string& text);
    void add_format(const std::string& name, const ordered_json& value);
    void add_extra(const std::string& name, const ordered_json& value);
    void add_loras(const ordered_json& value, const std::string& param);
    void add_input(const ordered_json& value);
    double frame_rate() const;
    void work_out_size(Values& values) const;
    void work_out_frames(Values& values) const;
    void check_guidance() const;

    serving::Service& service_;
    Takes takes_;
    const serving::Entry* origin_;
    Values values_;  // by the film's names
    Values others_;  // that a film's fields are worked out from, by the client's names
    std::optional<std::vector<std::string>> loras_;
    serving::Upload upload_;
};

}  // namespace t3video::server
