// The player: frame by frame, in a loop, by pointer or by keys. A frame is shown by going to its middle, so that rounding of
// times does not show its neighbour.
import * as wire from "./wire.js";
import {facts, find, say} from "./words.js";

let film = null;
let loading = null;   // AbortController
let source = null;    // {url, release}

const video = () => find("video");
const count = () => film.frames ?? Math.max(1, Math.round(video().duration * (film.fps ?? 16)));
const rate = () => (film.frames && video().duration > 0 ? film.frames / video().duration : film.fps ?? 16);
const current = () => Math.min(count() - 1, Math.max(0, Math.floor(video().currentTime * rate() + 1e-3)));

function note(text) {
    find("player-note").hidden = !text;
    say(find("player-note"), text);
}

function update() {
    if (!film || !(video().duration > 0)) return;
    const [now, all] = [current(), count()];
    find("scrub").max = all - 1;
    find("scrub").value = now;
    find("scrub").setAttribute("aria-valuetext", `frame ${now + 1} of ${all}`);
    say(find("frame-number"), `${now + 1} / ${all}`);
    say(find("play"), video().paused ? "Play" : "Pause");
}

function toFrame(index) {
    if (!film || !(video().duration > 0)) return;
    const all = count();
    const frame = find("loop").ariaPressed === "true" ? (index + all) % all : Math.min(all - 1, Math.max(0, index));
    video().pause();
    video().currentTime = Math.min((frame + 0.5) / rate(), video().duration);
    update();
}

function toggle() {
    if (video().paused) video().play().catch(() => {});
    else video().pause();
}

function setLoop(on) {
    find("loop").setAttribute("aria-pressed", String(on));
    video().loop = on;
}

function fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else find("screen").requestFullscreen?.().catch(() => {});
}

const KEYS = {
    " ": toggle, k: toggle, f: fullScreen, l: () => setLoop(find("loop").ariaPressed !== "true"),
    ArrowLeft: () => toFrame(current() - 1), ",": () => toFrame(current() - 1),
    ArrowRight: () => toFrame(current() + 1), ".": () => toFrame(current() + 1),
    Home: () => toFrame(0), End: () => toFrame(count() - 1),
};

function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !find("player").open) return;
    // A button or the slider under the focus keeps the keys that are its own.
    if (event.key === " " && event.target.matches("button")) return;
    const key = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
    if (!key) return;
    event.preventDefault();
    key();
}

// Frames pass faster than "timeupdate" tells.
function follow() {
    update();
    if (find("player").open && !video().paused) requestAnimationFrame(follow);
}

export async function open(given) {
    film = given;
    loading?.abort();
    const mine = loading = new AbortController();
    say(find("player-heading"), film.prompt || "Film");
    say(find("player-facts"), facts(film));
    say(find("frame-number"), "");
    note("Loading…");
    find("player").showModal();
    find("play").focus();
    try {
        const got = await wire.video(film.id, (share) => note(`Loading, ${Math.round(share * 100)} %`), mine.signal);
        if (mine.signal.aborted) return got.release();
        source = got;
        video().src = got.url;
        if (matchMedia("(prefers-reduced-motion: reduce)").matches) video().load();
        else video().play().catch(() => {});
    } catch (error) {
        if (!mine.signal.aborted) note(error.message);
    }
}

function closed() {
    loading?.abort();
    video().pause();
    video().removeAttribute("src");
    video().load();
    source?.release();
    source = film = null;
}

export function start() {
    find("play").addEventListener("click", toggle);
    find("frame-back").addEventListener("click", () => toFrame(current() - 1));
    find("frame-on").addEventListener("click", () => toFrame(current() + 1));
    find("loop").addEventListener("click", KEYS.l);
    find("full-screen").addEventListener("click", fullScreen);
    find("full-screen").hidden = !document.fullscreenEnabled;
    find("scrub").addEventListener("input", (event) => toFrame(Number(event.target.value)));
    find("player-close").addEventListener("click", () => find("player").close());
    find("player").addEventListener("close", closed);
    find("player").addEventListener("keydown", pressed);
    setLoop(true);
    const place = video();
    place.addEventListener("click", toggle);
    place.addEventListener("play", follow);
    for (const name of ["pause", "seeked", "loadedmetadata", "timeupdate"]) place.addEventListener(name, update);
    place.addEventListener("loadeddata", () => note(""));
    place.addEventListener("error", () => source && note("This browser cannot play this film. It can be downloaded."));
}
