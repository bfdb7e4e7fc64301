// The films of the server, and what people do with them: a list that is asked for again while something happens.
import {Card, news} from "./card.js";
import * as dialogs from "./dialogs.js";
import * as events from "./events.js";
import * as player from "./player.js";
import * as wire from "./wire.js";
import {announce, element, find, say, shorten} from "./words.js";

const PAGE = 100;
const QUEUE_SHOWN = 30;      // cards; the others are counted
const SINGLES = 6;           // films beyond the first page that are asked for one by one at a time
const FOLLOWED = 5000, ACTIVE = 2000, IDLE = 15000, FAILED = 4000;  // milliseconds between two looks

const films = new Map();  // by id
const cards = new Map();
const seen = new Map();   // id → when it was last heard of
let tail = [];            // ids of the oldest page that was read, in the list's order
let more = false;
let timer = 0;
let pending = null;
let options = {reuse() {}, connected() {}, changed() {}};

const isActive = (film) => film.status === "queued" || film.status === "in_progress";
const running = () => [...films.values()].filter((film) => film.status === "in_progress").map((film) => film.id);

function take(film, quiet = false) {
    const before = films.get(film.id);
    film.heard = Date.now();
    // An answer that was on its way while events told of later steps.
    if (before?.status === "in_progress" && film.status === "in_progress" && before.stage === film.stage && before.step > film.step)
        for (const name of ["step", "eta", "heard", "preview", "progress"]) film[name] = before[name];
    films.set(film.id, film);
    seen.set(film.id, Date.now());
    const said = quiet ? "" : news(before, film);
    if (said) announce(said);
    film.stopping ??= film.status === "in_progress" && before?.stopping;
    film.isNew = film.status === "completed" && (before?.isNew || (!quiet && before?.status === "in_progress"));
    return before?.status !== film.status;
}

// Puts the cards of `list` into `place` in this order, moving only those that are elsewhere.
function arrange(place, list) {
    list.forEach((film, index) => {
        const card = cards.get(film.id) ?? new Card(film, act);
        if (cards.has(film.id)) card.show(film);
        cards.set(film.id, card);
        card.root.classList.toggle("new", Boolean(film.isNew));
        if (place.children[index] !== card.root) place.insertBefore(card.root, place.children[index] ?? null);
    });
    while (place.children.length > list.length) place.lastChild.remove();
}

// How far the film is that is made: in the tab, and on a phone above the form, from where a touch leads to the queue.
function showShare(first, waiting) {
    const share = first?.status === "in_progress" ? `${Math.round(first.progress)} %` : waiting ? `${waiting} waiting` : "";
    document.title = share ? `${share} · t3video` : "t3video";
    find("now").hidden = !share;
    say(find("now"), `Queue: ${share}`);
}

function render() {
    const all = [...films.values()];
    const order = (film) => (film.status === "in_progress" ? -1 : film.position ?? Infinity);
    const queue = all.filter(isActive).sort((a, b) => order(a) - order(b) || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    const rest = all.filter((film) => !isActive(film)).sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
    const focused = document.activeElement;
    const holder = [...cards.values()].find((card) => card.root.contains(focused));
    arrange(find("queue"), queue.slice(0, QUEUE_SHOWN));
    arrange(find("films"), rest);
    // A card that moved from one list to the other lost the focus.
    if (holder?.root.isConnected && !holder.root.contains(document.activeElement)) holder.focus(focused);
    const held = new Set([...queue.slice(0, QUEUE_SHOWN), ...rest].map((film) => film.id));
    for (const id of cards.keys()) if (!held.has(id)) cards.delete(id);
    const waiting = queue.filter((film) => film.status === "queued").length;
    say(find("queue-count"), waiting ? `${waiting} waiting` : "");
    say(find("queue-more"), queue.length > QUEUE_SHOWN ? `And ${queue.length - QUEUE_SHOWN} more.` : "");
    find("queue-none").hidden = queue.length > 0;
    find("films-none").hidden = rest.length > 0;
    find("older").hidden = !more;
    showShare(queue[0], waiting);
    events.watch(running(), hear, look);
}

function hear(id, change) {
    const film = films.get(id);
    if (!film || film.status !== "in_progress") return;
    Object.assign(film, change, {heard: Date.now()});
    cards.get(id)?.show(film);
    if (cards.get(id)?.root === find("queue").firstChild) showShare(film, 0);
}

// The newest films, as far back as there are new ones that wait: the one that is made may be the oldest of them.
async function read() {
    const first = films.size === 0;
    let page = await wire.films({limit: PAGE});
    const got = [...page.films];
    while (page.more && page.films.length && isActive(page.films.at(-1)) && !films.has(page.films.at(-1).id)) {
        page = await wire.films({limit: PAGE, after: page.films.at(-1).id});
        got.push(...page.films);
    }
    if (!tail.length) { tail = page.films.map((film) => film.id); more = page.more; }
    let changed = false;
    for (const film of got) changed = take(film, first) || changed;
    const ids = new Set(got.map((film) => film.id));
    const oldest = got.length && page.more ? got.at(-1).createdAt : -1;
    for (const film of films.values()) if (!ids.has(film.id) && film.createdAt > oldest) { films.delete(film.id); changed = true; }
    const beyond = [...films.values()].filter((film) => isActive(film) && !ids.has(film.id));
    beyond.sort((a, b) => (b.status === "in_progress") - (a.status === "in_progress") || seen.get(a.id) - seen.get(b.id));
    for (const film of beyond.slice(0, SINGLES)) {
        try {
            changed = take(await wire.film(film.id)) || changed;
        } catch (error) {
            if (error.status !== 404) throw error;
            films.delete(film.id);
            changed = true;
        }
    }
    return changed;
}

async function lookNow() {
    let failure = null;
    try {
        if (await read()) options.changed();
    } catch (error) {
        failure = error;
    }
    options.connected(failure);
    render();
    plan(failure);
}

// When to look again: seldom where nothing happens, or where events tell; not at all while the key is wrong.
function plan(failure) {
    clearTimeout(timer);
    if (document.hidden || failure?.status === 401) return;
    if (failure) {
        timer = setTimeout(look, Math.max(FAILED, 1000 * (failure.retryAfter ?? 0)));
        return;
    }
    const active = [...films.values()].some(isActive);
    timer = setTimeout(look, !active ? IDLE : running().length && events.covers(running()) ? FOLLOWED : ACTIVE);
}

// Reads the list, once at a time.
export function look() {
    clearTimeout(timer);
    pending ??= lookNow().finally(() => { pending = null; });
    return pending;
}

export function add(film) {
    take(film, true);
    render();
    look();
}

async function older() {
    const button = find("older");
    const after = tail.findLast((id) => films.has(id));  // the others were removed
    const page = await wire.films({limit: PAGE, after});
    for (const film of page.films) take(film, true);
    tail = page.films.map((film) => film.id);
    more = page.more;
    render();
    if (button.hidden) find("films-heading").focus({preventScroll: true});
    announce(`${page.films.length} older films.`);
}

async function download(film) {
    announce("The file is being fetched.");
    const file = await wire.video(film.id);
    const link = element("a", {href: file.url, download: file.name || ""});
    link.click();
    setTimeout(file.release, 60000);  // the browser has begun to write it by then
}

async function act(name, film) {
    if (name === "play") {
        film.isNew = false;
        cards.get(film.id)?.root.classList.remove("new");
        return player.open(film);
    }
    if (name === "download") return download(film);
    if (name === "reuse") return options.reuse(film.request ? film : await wire.film(film.id));
    if (name === "remix") return dialogs.remix(film, async (prompt) => {
        add(await wire.remix(film.id, prompt));
        announce("The film is in the queue.");
    });
    if (name === "remove") {
        if (!await dialogs.confirm("Delete this film?", shorten(film.prompt, 200), "Delete it")) return;
        const root = cards.get(film.id)?.root;
        const next = root?.nextElementSibling ?? root?.previousElementSibling;
        await wire.remove(film.id);
        films.delete(film.id);
        render();
        (next?.querySelector(".actions button:not([hidden])") ?? find("films-heading")).focus();
        return announce("The film is deleted.");
    }
    const now = await (name === "cancel" ? wire.cancel(film.id) : wire.resume(film.id));
    if (name === "cancel" && now.status === "in_progress") now.stopping = true;  // until the step at hand is done
    take(now);
    render();
    look();
}

// reuse(film): its request is wanted in the form; connected(error or null); changed(): the queue is another.
export function start(given) {
    options = given;
    find("older").addEventListener("click", () => older().catch(options.connected));
    document.addEventListener("visibilitychange", () => (document.hidden ? render() : look()));
    setInterval(() => document.hidden || running().forEach((id) => cards.get(id)?.tick()), 1000);
}
