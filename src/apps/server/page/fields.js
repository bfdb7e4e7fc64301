// What the form has of a film's fields: its inputs, their names in the dialect, and the way there and back. A field that is
// left empty is not sent: the model decides.
import {find, number, size as sizeWords} from "./words.js";

// `extra`: a film field by its own name, which goes under extra_params.
const FIELDS = [
    {id: "negative", name: "negative_prompt", text: true},
    {id: "steps", name: "num_inference_steps"},
    {id: "guidance", name: "guidance_scale"},
    {id: "shift", name: "flow_shift"},
    {id: "fps", name: "fps"},
    {id: "solver", extra: "solver", text: true},
    {id: "attention", extra: "attention", text: true},
    {id: "cache", extra: "cache", text: true},
    {id: "container", name: "container", text: true},
    {id: "codec", extra: "codec", text: true},
    {id: "strength", extra: "strength", input: "video"},
    {id: "fit", extra: "fit", text: true, input: "any"},
];

// The input that a message of the server is about; "" where it has none.
export function inputOf(param) {
    if (!param) return "";
    const name = param.replace(/^extra_params\./, "");
    const special = {prompt: "prompt", model: "model", seed: "seed", seconds: "seconds", num_frames: "seconds", frames: "seconds",
        input_reference: "input-file", image: "input-file", video: "input-file", lora: "lora-list", negative: "negative", cfg: "guidance"};
    if (name === "size" || name === "width" || name === "height")
        return find("size").value === "other" ? (name === "height" ? "height" : "width") : "size";
    return special[name] ?? FIELDS.find((f) => f.name === name || f.extra === name || f.id === name)?.id ?? "others";
}

// "2,5" is 2.5; what is no number goes to the server as it stands, which says so.
function valueOf(text) {
    const value = Number(text.replace(",", "."));
    if (/^\d+$/.test(text) && !Number.isSafeInteger(value) && JSON.rawJSON) return JSON.rawJSON(text);
    return text !== "" && Number.isFinite(value) ? value : text;
}

const trimmed = (id) => find(id).value.trim();

// Frames per second that the film will have.
const fps = (model) => Number(valueOf(trimmed("fps"))) || model?.defaults?.fps || 0;

// The number of frames is 4k+1; null where it is left to the model or no number.
export function frames(model) {
    const seconds = valueOf(trimmed("seconds"));
    return typeof seconds === "number" && fps(model) > 0 ? 4 * Math.max(0, Math.round((seconds * fps(model)) / 4)) + 1 : null;
}

export function framesHint(model) {
    const count = frames(model) ?? (trimmed("seconds") === "" ? model?.defaults?.num_frames : null);
    return count ? `${count} frame${count === 1 ? "" : "s"} at ${number(fps(model), 3)} per second` : "";
}

// Throws an Error with `input`, the id of what is wrong, for a line that is none.
function otherFields() {
    const given = {};
    for (const line of find("others").value.split("\n").map((text) => text.trim()).filter(Boolean)) {
        const [, name, value] = /^([a-z0-9_-]+)\s*[:=]\s*(.*)$/i.exec(line) ?? [];
        if (!name) throw Object.assign(new Error(`“${line}”: expected a name, a colon and a value.`), {input: "others"});
        const plain = valueOf(value);
        given[name] = value === "true" || value === "false" ? value === "true" : plain;
    }
    return given;
}

function lorasGiven() {
    return [...document.querySelectorAll("#lora-list li")].filter((item) => item.querySelector("[type=checkbox]").checked).map((item) => {
        const weight = item.querySelector("[data-weight]").value.trim().replace(",", ".");
        return weight === "" ? item.dataset.name : `${item.dataset.name}:${weight}`;
    });
}

// The form as the body of a request; `input` as form.js keeps it.
export function read(model, input) {
    const request = {prompt: find("prompt").value, model: find("model").value};
    const extras = otherFields();
    const chosen = find("size").value;
    if (chosen === "other") request.size = `${trimmed("width")}x${trimmed("height")}`;
    else if (chosen) request.size = chosen;
    const count = frames(model);
    if (count !== null) request.num_frames = count;
    else if (trimmed("seconds") !== "") request.seconds = trimmed("seconds");
    request.seed = trimmed("seed") === "" ? -1 : valueOf(trimmed("seed"));
    for (const field of FIELDS) {
        const text = trimmed(field.id);
        if (text === "" || (field.input && !(input && (field.input === "any" || field.input === input.kind)))) continue;
        const value = field.text ? text : valueOf(text);
        if (field.extra) extras[field.extra] = value;
        else request[field.name] = value;
    }
    const loras = lorasGiven();
    if (loras.length) request.lora = loras;
    if (input?.id) extras[input.kind] = input.id;
    if (Object.keys(extras).length) request.extra_params = extras;
    return request;
}

export function setSize(text) {
    const select = find("size");
    const known = [...select.options].some((option) => option.value === text);
    select.value = known ? text : "other";
    if (!known) [find("width").value, find("height").value] = text.split("x");
    find("other-size").hidden = select.value !== "other";
}

// The sizes that people choose of: what the model knows, turned, square, and half of it to try something out.
export function offerSizes(model) {
    const select = find("size");
    const before = select.value === "other" ? `${trimmed("width")}x${trimmed("height")}` : select.value;
    const [width, height] = (model?.defaults?.size ?? "832x480").split("x").map(Number);
    const near = (value) => Math.max(32, Math.round(value / 32) * 32);
    const square = near(Math.sqrt(width * height));
    const offers = new Map();
    const offer = (w, h, words) => offers.has(`${w}x${h}`) || offers.set(`${w}x${h}`, `${sizeWords(`${w}x${h}`)}, ${words}`);
    offer(width, height, width >= height ? "wide" : "tall");
    offer(height, width, width >= height ? "tall" : "wide");
    offer(square, square, "square");
    offer(near(width / 2), near(height / 2), "small");
    if (width * height >= 832 * 480) offer(3840, 2160, "4K");  // smaller models have seen nothing like it
    select.replaceChildren(...[...offers].map(([value, words]) => new Option(words, value)), new Option("another size", "other"));
    if (before && before !== "x" && before !== `${select.dataset.default}`) setSize(before);
    else setSize(`${width}x${height}`);
    select.dataset.default = `${width}x${height}`;
}

// What empty fields mean, in grey.
export function showDefaults(model) {
    const given = model?.defaults ?? {};
    const place = (id, value) => { find(id).placeholder = value === undefined || value === null ? "" : String(value); };
    place("seconds", given.num_frames && given.fps ? number((given.num_frames - 1) / given.fps) : null);
    place("negative", given.negative_prompt || "none");
    place("steps", given.num_inference_steps);
    place("guidance", given.guidance_scale);
    place("shift", given.flow_shift);
    place("fps", given.fps);
    place("strength", 0.6);
}

// A film's request back into the form. Returns the input that it has: {kind, id}, or null.
export function write(request, model) {
    const extras = {...request.extra_params};
    find("prompt").value = request.prompt ?? "";
    if (request.size) setSize(request.size);
    else if (request.width && request.height) setSize(`${request.width}x${request.height}`);
    else setSize(find("size").dataset.default);
    for (const field of FIELDS) {
        const value = field.extra ? extras[field.extra] : request[field.name];
        if (field.extra) delete extras[field.extra];
        const place = find(field.id);
        const text = value === undefined || value === null ? "" : String(value);
        if (place.tagName === "SELECT" && ![...place.options].some((option) => option.value === text)) {
            if (field.extra) extras[field.extra] = value;  // a value that the list has not stays, in words
            place.value = "";
        } else {
            place.value = text;
        }
    }
    const rate = fps(model);
    find("seconds").value = request.num_frames && rate ? number((request.num_frames - 1) / rate, 3) : request.seconds ?? "";
    find("seed").value = request.seed === undefined || request.seed === null || Number(request.seed) < 0 ? "" : String(request.seed);
    const loras = new Map([request.lora ?? []].flat().map((lora) => {
        if (typeof lora === "object") return [lora.name, String(lora.weight ?? lora.scale ?? "")];
        const [, name, weight] = /^(.*?)(?::(-?[0-9.e+-]+))?$/i.exec(lora);
        return [name, weight ?? ""];
    }));
    for (const item of document.querySelectorAll("#lora-list li")) {
        item.querySelector("[type=checkbox]").checked = loras.has(item.dataset.name);
        item.querySelector("[data-weight]").value = loras.get(item.dataset.name) ?? "";
    }
    const kind = extras.image ? "image" : extras.video ? "video" : null;
    const input = kind && {kind, id: extras[kind]};
    delete extras.image;
    delete extras.video;
    find("others").value = Object.entries(extras).map(([name, value]) => `${name}: ${value}`).join("\n");
    return input;
}
