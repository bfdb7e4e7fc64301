// The server's dialect: the only file that knows addresses, names of fields, and how a key travels.

const KEY = "t3video.key";
const PLAYED_WITH_KEY = 512 * 1024 * 1024;  // bytes of a film that is fetched whole, as it is where a key goes along
const PICTURES_KEPT = 200;

export const key = {
    get: () => { try { return localStorage.getItem(KEY) ?? ""; } catch { return ""; } },
    set: (value) => { try { value ? localStorage.setItem(KEY, value) : localStorage.removeItem(KEY); } catch { /* private mode */ } },
};

// `status` 0: no answer at all. `param`: the field that is wrong, where one is.
export class WireError extends Error {
    constructor(status, {message, code = "", param = null} = {}, retryAfter = null) {
        super(message || `The server answered ${status}.`);
        Object.assign(this, {status, code, param, retryAfter});
    }
}

// A seed has up to 64 bits, a number here 53: whole numbers beyond these stay texts, and fields.js sends them as they stand.
export function parse(text) {
    return JSON.parse(text, (name, value, context) =>
        (Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source ? context.source : value));
}

const address = (path) => new URL(path, document.baseURI).href;

async function answerOf(path, options = {}) {
    const headers = new Headers(options.headers);
    if (key.get()) headers.set("Authorization", `Bearer ${key.get()}`);
    let answer;
    try {
        answer = await fetch(address(path), {...options, headers});
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new WireError(0, {message: "The server does not answer."});
    }
    if (answer.ok) return answer;
    const body = await answer.text().then(parse).catch(() => ({}));
    throw new WireError(answer.status, body.error, answer.headers.get("Retry-After"));
}

const json = async (path, options) => parse(await (await answerOf(path, options)).text());

// JSON; or, where a file goes along, a form in which what is not text is JSON.
function bodyOf(request, file) {
    if (!file) return {method: "POST", body: JSON.stringify(request), headers: {"Content-Type": "application/json"}};
    const form = new FormData();
    for (const [name, value] of Object.entries(request)) form.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
    form.append("input_reference", file, file.name);
    return {method: "POST", body: form};
}

const numberOr = (value, other) => (value === null || value === undefined || Number.isNaN(Number(value)) ? other : Number(value));

// A film as the rest of the page knows it.
function filmOf(video) {
    const request = video.request ?? {};
    return {
        id: video.id,
        status: video.status,
        prompt: video.prompt ?? "",
        model: video.model ?? "",
        size: video.size ?? "",
        seconds: numberOr(video.seconds, null),
        frames: numberOr(video.num_frames ?? request.num_frames, null),
        fps: numberOr(video.fps ?? request.fps, null),
        seed: video.seed ?? request.seed ?? null,
        progress: numberOr(video.progress, 0),
        stage: video.stage ?? null,
        step: numberOr(video.step, null),
        of: numberOr(video.of, null),
        eta: numberOr(video.eta_s, null),
        position: numberOr(video.position, null),
        reason: video.reason ?? null,
        preview: video.preview ?? null,
        createdAt: video.created_at,
        completedAt: video.completed_at ?? null,
        error: video.error ?? null,
        request: video.request ?? null,
    };
}

export const models = () => json("v1/models");
export const plan = (request, file, signal) => json("v1/plan", {...bodyOf(request, file), signal});
export const create = async (request, file) => filmOf(await json("v1/videos", bodyOf(request, file)));
export const film = async (id) => filmOf(await json(`v1/videos/${encodeURIComponent(id)}`));

// Newest first; `after`: the id behind which they begin.
export async function films({after, limit}) {
    const query = new URLSearchParams({limit, order: "desc"});
    if (after) query.set("after", after);
    const list = await json(`v1/videos?${query}`);
    return {films: list.data.map(filmOf), more: list.has_more};
}

const act = (method, id, action = "", body = undefined) =>
    json(`v1/videos/${encodeURIComponent(id)}${action}`, body ? {...bodyOf(body), method} : {method});

export const cancel = async (id) => filmOf(await act("POST", id, "/cancel"));
export const resume = async (id) => filmOf(await act("POST", id, "/resume"));
export const remix = async (id, prompt) => filmOf(await act("POST", id, "/remix", {prompt}));
export const remove = (id) => act("DELETE", id);

// What an event of a film changes about it.
function changeOf(name, data) {
    const change = {};
    const set = (member, value) => { if (value !== undefined && value !== null) change[member] = value; };
    set("progress", data.progress);
    set("eta", data.eta_s);
    if (name === "stage" || name === "step") {
        set("stage", data.stage);
        set("step", data.step);
        set("of", data.of);
    }
    if (name === "preview") set("preview", data.url);
    return change;
}

// Server-sent events over fetch, which can send a key, as an EventSource cannot: hears(change) until the film ends, the
// signal comes or the connection does.
export async function events(id, hears, signal) {
    const answer = await answerOf(`v1/videos/${encodeURIComponent(id)}/events`, {signal, headers: {Accept: "text/event-stream"}});
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
        const {value, done} = await reader.read();
        if (done) return;
        text = (text + value).replaceAll("\r\n", "\n");
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
            let name = "message";
            const data = [];
            for (const line of text.slice(0, end).split("\n")) {
                if (line.startsWith("event:")) name = line.slice(6).trim();
                else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
            }
            if (!data.length) continue;
            let parsed;
            try { parsed = parse(data.join("\n")); } catch { continue; }
            hears(changeOf(name, parsed));
        }
    }
}

const contentPath = (id, variant) => `v1/videos/${encodeURIComponent(id)}/content?variant=${variant}`;

// Pictures that were fetched with a key, by path: the oldest give their memory back.
const pictures = new Map();

async function pictureAt(path) {
    if (!key.get()) return address(path);
    const known = pictures.get(path);
    if (known) return known;
    const made = answerOf(path).then((answer) => answer.blob()).then((blob) => URL.createObjectURL(blob));
    pictures.set(path, made);
    made.catch(() => pictures.delete(path));
    if (pictures.size > PICTURES_KEPT) {
        const [oldest, old] = pictures.entries().next().value;
        pictures.delete(oldest);
        old.then((url) => URL.revokeObjectURL(url), () => {});
    }
    return made;
}

// Addresses for an <img>. A film names its preview by another address whenever that is another picture.
export const thumbnail = (id) => pictureAt(contentPath(id, "thumbnail"));
export const preview = (given) => pictureAt(given.replace(/^\//, ""));

// {url, name, release}: an address for a <video> or a link, and the name that a file would get where the server cannot say it. With a key the film is fetched whole; loaded(share) tells how far.
export async function video(id, loaded, signal) {
    if (!key.get()) return {url: address(contentPath(id, "video")), release() {}};
    const answer = await answerOf(contentPath(id, "video"), {signal});
    const total = Number(answer.headers.get("Content-Length"));
    if (total > PLAYED_WITH_KEY) {
        answer.body.cancel();
        throw new WireError(0, {message: "This film is too large to be fetched by this page with a key. A program can: see /openapi.json."});
    }
    const reader = answer.body.getReader();
    const chunks = [];
    let have = 0;
    for (let {value, done} = await reader.read(); !done; {value, done} = await reader.read()) {
        chunks.push(value);
        have += value.length;
        if (have > PLAYED_WITH_KEY) {
            reader.cancel();
            throw new WireError(0, {message: "This film is too large to be fetched by this page with a key."});
        }
        if (total > 0) loaded?.(have / total);
    }
    const url = URL.createObjectURL(new Blob(chunks, {type: answer.headers.get("Content-Type") ?? "video/mp4"}));
    const [, name] = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "") ?? [];
    return {url, name: name ?? `${id}.mp4`, release: () => URL.revokeObjectURL(url)};
}
