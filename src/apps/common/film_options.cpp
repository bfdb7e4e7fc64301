// Fields to options.
#include "apps/common/film_options.h"

namespace t3video::apps {
namespace {

using film::Request;
using film::RequestField;

std::string names_of(const RequestField& field) {
    const std::string name = field.name;
    return "--" + name + (name == "prompt" ? ",-p" : name == "output" ? ",-o" : "");
}

// A flag that holds unless it is taken back is an option to do so: --no-record.
CLI::Option* add_flag(CLI::App& command, Request& request, const RequestField& field) {
    const bool holds = field.get(Request()) == true;
    std::string help = field.help;
    if (holds) help = std::string("Do not ") + static_cast<char>(help[0] - 'A' + 'a') + help.substr(1);
    return command.add_flag_function(
        holds ? std::string("--no-") + field.name : names_of(field),
        [&, holds](int64_t) { field.set(request, Field(field.name, holds ? "false" : "true")); }, help);
}

CLI::Option* add_value(CLI::App& command, Request& request, const RequestField& field) {
    auto* option = command.add_option_function<std::string>(
        names_of(field), [&](const std::string& text) { field.set(request, Field(field.name, text)); }, field.help);
    const nlohmann::json value = field.get(Request());
    if (!value.is_null() && value != "")
        option->default_str(value.is_string() ? value.get<std::string>() : value.dump());
    return option;
}

CLI::Option* add_list(CLI::App& command, Request& request, const RequestField& field) {
    return command
        .add_option_function<std::vector<std::string>>(
            names_of(field),
            [&](const std::vector<std::string>& texts) {
                for (const std::string& text : texts) field.set(request, Field(field.name, text));
            },
            field.help)
        ->allow_extra_args(false);
}

}  // namespace

void add_film_options(CLI::App& command, Request& request, const std::function<bool(const RequestField&)>& wanted) {
    for (const RequestField& field : film::fields()) {
        if (!wanted(field)) continue;
        const bool flag = field.kind == RequestField::Kind::flag;
        CLI::Option* option = flag                                     ? add_flag(command, request, field)
                              : field.kind == RequestField::Kind::list ? add_list(command, request, field)
                                                                       : add_value(command, request, field);
        if (!flag) option->type_name(field.type);
        if (field.group[0] != '\0') option->group(field.group);
    }
}

}  // namespace t3video::apps
