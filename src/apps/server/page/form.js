// The form: models and LoRAs of the server, the file to begin with, messages beside the field that they are about.
import * as fields from "./fields.js";
import * as plan from "./plan.js";
import * as wire from "./wire.js";
import {announce, element, find, say} from "./words.js";

const DRAFT = "t3video.draft";

let models = [];
let input = null;  // {kind: "image" or "video", file or id, name}
let made = () => {};

const model = () => models.find((m) => m.id === find("model").value);

function request() {
    return fields.read(model(), input);
}

export function clearErrors() {
    find("form-error").hidden = true;
    for (const place of document.querySelectorAll("#film-form [aria-invalid]")) {
        place.removeAttribute("aria-invalid");
        if (place.dataset.described) place.setAttribute("aria-describedby", place.dataset.described);
        else place.removeAttribute("aria-describedby");
    }
    for (const message of document.querySelectorAll("#film-form .wrong")) message.remove();
}

// Beside the input that it is about, or above the button. `focus`: goes there.
function showError(error, focus) {
    const place = find(error.input || fields.inputOf(error.param));
    if (!place) {
        find("form-error").hidden = false;
        say(find("form-error"), error.message + (error.retryAfter ? ` Try again in ${error.retryAfter} s.` : ""));
        return;
    }
    const message = element("p", {class: "wrong", id: `${place.id}-wrong`}, error.message);
    (place.closest(".field, fieldset") ?? place).append(message);
    if (place.dataset.described === undefined) place.dataset.described = place.getAttribute("aria-describedby") ?? "";
    place.setAttribute("aria-invalid", "true");
    place.setAttribute("aria-describedby", `${place.dataset.described} ${message.id}`.trim());
    if (place.closest("#more")) find("more").open = true;
    if (focus) place.focus();
    else if (place === document.activeElement) message.scrollIntoView({block: "nearest"});
}

function showInput() {
    find("input-empty").hidden = Boolean(input);
    find("input-chosen").hidden = !input;
    find("input-settings").hidden = !input;
    find("strength-field").hidden = input?.kind !== "video";
    const place = find("input-picture");
    for (const old of place.children) URL.revokeObjectURL(old.src);
    place.replaceChildren();
    if (!input) return;
    say(find("input-name"), input.name);
    if (!input.file) return;
    const url = URL.createObjectURL(input.file);
    place.append(input.kind === "image" ? element("img", {src: url, alt: ""})
        : element("video", {src: `${url}#t=0.1`, muted: true, preload: "metadata", tabindex: "-1", "aria-hidden": "true"}));
}

function choose(file) {
    const kind = file.type.startsWith("image/") ? "image" : file.type.startsWith("video/") ? "video" : null;
    clearErrors();
    if (!kind) return showError({message: `${file.name} is neither a picture nor a video.`, input: "input-file"}, true);
    input = {kind, file, name: file.name};
    showInput();
    changed();
    find("input-remove").focus();
}

function removeInput() {
    input = null;
    find("input-file").value = "";
    showInput();
    changed();
    find("input-file").focus();
}

function changed() {
    const now = model();
    say(find("frames-hint"), fields.framesHint(now));
    find("other-size").hidden = find("size").value !== "other";
    clearErrors();
    let asked;
    try {
        asked = request();
    } catch (error) {
        return showError(error, false);
    }
    try { sessionStorage.setItem(DRAFT, JSON.stringify(asked)); } catch { /* no room, or private mode */ }
    plan.ask(request, input, (error) => fields.inputOf(error.param) && fields.inputOf(error.param) !== "prompt" && showError(error, false));
}

function modelChanged() {
    const now = model();
    fields.offerSizes(now);
    fields.showDefaults(now);
    const loras = now?.loras ?? [];
    find("loras").hidden = loras.length === 0;
    find("lora-list").replaceChildren(...loras.map((name) => element("li", {"data-name": name},
        element("label", {}, element("input", {type: "checkbox"}), name),
        element("input", {"data-weight": true, inputmode: "decimal", placeholder: "1", "aria-label": `Weight of ${name}`}))));
    find("input-area").hidden = now?.inputs?.length === 0 && !input;
    find("input-file").accept = (now?.inputs ?? ["image", "video"]).map((kind) => `${kind}/*`).join(",");
    const both = now?.inputs ? now.inputs.map((kind) => (kind === "image" ? "a picture" : "a video")).join(" or ") : "a picture or a video";
    say(find("input-area").querySelector("legend"), `Begin with ${both || "a picture or a video"}`);
}

async function create() {
    try {
        return await wire.create(request(), input?.id ? null : input?.file);
    } catch (error) {
        if (!input?.id || !input.file || fields.inputOf(error.param) !== "input-file") throw error;
        delete input.id;  // the server keeps files that no film needs for a while only
        return wire.create(request(), input.file);
    }
}

async function submit() {
    clearErrors();
    if (!find("prompt").value.trim()) return showError({message: "Say what the film shows.", input: "prompt"}, true);
    const button = find("submit");
    button.disabled = true;
    say(button, input?.file ? "Sending the file…" : "Sending…");
    try {
        await plan.sent();
        const film = await create();
        announce("The film is in the queue.");
        made(film);
    } catch (error) {
        showError(error, true);
    } finally {
        button.disabled = false;
        say(button, "Make the film");
        if (document.activeElement === document.body) button.focus();
    }
}

// A film's request, as the server gives it, into the form.
export function fill(asked, focus = true) {
    if (models.some((m) => m.id === asked.model)) find("model").value = asked.model;
    modelChanged();
    input = fields.write(asked, model());
    if (input) input.name = input.kind === "image" ? "The picture of that film" : "The video of that film";
    find("input-area").hidden = model()?.inputs?.length === 0 && !input;
    find("more").open = ["negative", "steps", "guidance", "shift", "solver", "attention", "cache", "container", "codec", "fps", "others"].some((id) => find(id).value);
    showInput();
    changed();
    if (!focus) return;
    find("form-heading").scrollIntoView({block: "start"});
    find("prompt").focus({preventScroll: true});
    announce("The form has the request of that film.");
}

export async function load() {
    const list = await wire.models();
    models = list.data;
    const before = find("model").value;
    find("model").replaceChildren(...models.map((m) => new Option(m.id, m.id)));
    if (models.some((m) => m.id === before)) find("model").value = before;
    let draft = null;
    try { draft = wire.parse(sessionStorage.getItem(DRAFT)); } catch { /* none */ }
    if (draft) return fill(draft, false);
    modelChanged();
    changed();
}

export function refreshPlan() {
    plan.again();
}

export function start(onMade) {
    made = onMade;
    const form = find("film-form");
    form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
    for (const kind of ["input", "change"]) {  // some tools that fill in forms cause the second one only
        form.addEventListener(kind, (event) => {
            if (event.target === find("input-file")) return;
            if (event.target === find("model") && kind === "input") modelChanged();
            changed();
        });
    }
    form.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    find("input-file").addEventListener("change", (event) => event.target.files[0] && choose(event.target.files[0]));
    find("input-remove").addEventListener("click", removeInput);
    find("reset").addEventListener("click", () => {
        fill({model: find("model").value}, false);
        find("prompt").focus();
        announce("The form is empty.");
    });
    // Files are taken wherever on the page they fall, so that none opens in the page's place.
    const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragover", (event) => {
        if (!carriesFile(event)) return;
        event.preventDefault();
        find("input-area").classList.add("dropping");
    });
    addEventListener("dragleave", (event) => event.relatedTarget === null && find("input-area").classList.remove("dropping"));
    addEventListener("drop", (event) => {
        if (!carriesFile(event)) return;
        event.preventDefault();
        find("input-area").classList.remove("dropping");
        if (event.dataTransfer.files[0] && !document.querySelector("dialog[open]")) choose(event.dataTransfer.files[0]);
    });
}
