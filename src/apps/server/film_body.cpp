// Reads bodies.
#include "apps/server/film_body.h"

#include <memory>
#include <optional>

#include "apps/server/http/head.h"
#include "apps/server/http/multipart.h"
#include "apps/server/json_body.h"

namespace t3video::server {
namespace {

constexpr int kMostMembers = 1000;

std::string read_text(Request& request, int64_t most) {
    std::string text;
    if (request.body) request.body->receive(most, [&](std::string_view piece) { text += piece; });
    return text;
}

ordered_json read_object(const std::string& text) {
    ordered_json value = parse_json_body(text);
    if (!value.is_object()) throw HttpError{400, "malformed_json", "the request's body: expected a JSON object"};
    return value;
}

// Fields one after the other: texts whole, the file to the uploads.
class FormReader {
  public:
    FormReader(FilmForm& form, serving::Uploads& uploads) : form_(form), uploads_(uploads) {}

    void begin(const Part& part) {
        part_ = part;
        text_.clear();
        if (!part.is_file) return;
        if (part.name != "input_reference") throw wrong_field(part.name.substr(0, 100), "takes no file");
        if (file_count_++ > 0) throw wrong_field(part.name, "takes one file");
        file_ = std::make_unique<serving::Uploads::Writer>(uploads_);
    }
    void take(std::string_view bytes) {
        if (file_) return file_->write(bytes);
        text_bytes_ += static_cast<int64_t>(bytes.size());
        if (text_bytes_ > kLargestJson) throw HttpError{413, "body_too_large", "the form's texts are too large"};
        text_ += bytes;
    }
    void end() {
        if (file_) {
            form_.add_upload(file_->finish(part_.name));
            file_.reset();
        } else {
            form_.add_text(part_.name, text_);
        }
    }

  private:
    FilmForm& form_;
    serving::Uploads& uploads_;
    Part part_;
    std::string text_;
    int64_t text_bytes_ = 0;
    int file_count_ = 0;
    std::unique_ptr<serving::Uploads::Writer> file_;
};

}  // namespace

void read_film_body(Request& request, FilmForm& form, serving::Uploads& uploads) {
    const std::string* type = request.header("Content-Type");
    const std::string kind = type ? parse_parameters(*type).value : std::string();
    const std::string* coding = request.header("Content-Encoding");
    if (coding && !equal_in_any_case(*coding, "identity"))
        throw HttpError{415, "unsupported_type", "the header Content-Encoding: bodies are taken as they are"};
    if (kind == "application/json") {
        const ordered_json body = read_object(read_text(request, kLargestJson));
        if (body.size() > kMostMembers) throw HttpError{400, "unknown_field", "the request has too many fields"};
        for (const auto& [name, value] : body.items()) form.add(name, value);
    } else if (kind == "multipart/form-data") {
        FormReader reader(form, uploads);
        Multipart parts(*type, {.begin = [&](const Part& part) { reader.begin(part); },
                                .bytes = [&](std::string_view bytes) { reader.take(bytes); },
                                .end = [&] { reader.end(); }});
        request.body->receive(uploads.limits().bytes + kLargestJson,
                              [&](std::string_view piece) { parts.feed(piece); });
        parts.finish();
    } else {
        throw HttpError{415, "unsupported_type",
                        "the header Content-Type: expected application/json or multipart/form-data"};
    }
}

void read_empty_body(Request& request) {
    const std::string text = read_text(request, 4096);
    if (text.empty()) return;
    const ordered_json body = read_object(text);
    if (body.empty()) return;
    const std::string name = body.begin().key().substr(0, 100);
    throw HttpError{400, "unknown_field", "unknown field " + name + "; this action has none", name};
}

}  // namespace t3video::server
