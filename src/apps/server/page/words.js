// Numbers and states in words, and the one way in which data comes into the page: as text.

// element("p", {class: "quiet", hidden: true}, "text", child...): properties that are functions listen ("onclick").
export function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === false || value === null || value === undefined) continue;
        if (typeof value === "function") made.addEventListener(name.slice(2), value);
        else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
}

export const find = (id) => document.getElementById(id);

// Sets a text only where it differs, so that a screen reader does not read it again.
export function say(place, text) {
    if (place.textContent !== text) place.textContent = text;
}

// The same sentence twice in a row is two announcements.
export function announce(text) {
    const place = find("announcer");
    place.textContent = "";
    setTimeout(() => { place.textContent = text; }, 60);
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

// The two largest units: "8 s", "2 min 10 s", "1 h 20 min", "3 days 4 h".
export function duration(seconds) {
    if (!(seconds >= 0)) return "";
    if (seconds < 1) return "less than a second";
    let rest = Math.round(seconds);
    if (rest >= 3600) rest = Math.round(rest / 60) * 60;
    const [days, hours, minutes] = [Math.floor(rest / 86400), Math.floor(rest / 3600) % 24, Math.floor(rest / 60) % 60];
    const parts = [[days, plural(days, "day")], [hours, `${hours} h`], [minutes, `${minutes} min`], [rest % 60, `${rest % 60} s`]];
    const first = parts.findIndex(([value]) => value > 0);
    return parts.slice(first, first + 2).filter(([value]) => value > 0).map(([, text]) => text).join(" ");
}

export function bytes(count) {
    if (!(count >= 0)) return "";
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; count >= 1024 && unit < units.length - 1; ++unit) count /= 1024;
    return `${count >= 10 || unit === 0 ? Math.ceil(count) : Math.ceil(count * 10) / 10} ${units[unit]}`;
}

// At most `digits` behind the point, none that are zero.
export const number = (value, digits = 2) => String(Number(Number(value).toFixed(digits)));

export function size(text) {
    return String(text).replace("x", " × ");
}

export function clock(unixSeconds) {
    const date = new Date(unixSeconds * 1000);
    const today = new Date().toDateString() === date.toDateString();
    return date.toLocaleString([], today ? {timeStyle: "short"} : {dateStyle: "medium", timeStyle: "short"});
}

export function shorten(text, most = 80) {
    const letters = [...text];
    return letters.length <= most ? text : letters.slice(0, most - 1).join("") + "…";
}

const STAGES = {
    text: {words: "Reading the prompt"},
    encode: {words: "Reading the input", unit: "frame"},
    denoise: {words: "Denoising", unit: "step"},
    decode: {words: "Decoding", unit: "frame"},
};

const isCancelled = (film) => film.status === "failed" && film.error?.code === "cancelled";

// What is with a film, in a sentence; `film` as wire.js gives it.
export function state(film) {
    if (film.status === "queued") {
        if (film.reason) return `Waiting: ${film.reason}`;
        if (film.position > 0) return `Waiting, ${film.position} before it`;
        return film.position === 0 ? "Waiting, the next one" : "Waiting";
    }
    if (film.status === "in_progress") {
        if (film.stopping) return "Stopping";
        const {words, unit} = STAGES[film.stage] ?? {words: film.stage ?? "Beginning"};
        const parts = [words];
        if (unit && film.of > 0) parts.push(`${unit} ${film.step} of ${film.of}`);
        if (film.eta > 0) parts.push(`about ${duration(film.eta)} left`);
        return parts.join(", ");
    }
    if (film.status === "completed") return film.completedAt ? `Finished ${clock(film.completedAt)}` : "Finished";
    return isCancelled(film) ? "Cancelled" : `Failed: ${film.error?.message ?? "no reason was given"}`;
}

// "448 × 256, 17 frames, 2.1 s, seed 7, demo"
export function facts(film) {
    const parts = [];
    if (film.size) parts.push(size(film.size));
    if (film.frames) parts.push(plural(film.frames, "frame"));
    if (film.seconds) parts.push(`${number(film.seconds, 1)} s`);
    if (film.seed !== null) parts.push(`seed ${film.seed}`);
    if (film.model) parts.push(film.model);
    return parts.join(", ");
}
