// News of the films that are being made, as they happen. A browser holds few connections to one server, all tabs
// together, so at most two films are followed, and only while the page is seen; the list is asked for the others.
import * as wire from "./wire.js";

const STREAMS = 2;
const RETRY = 5000;  // milliseconds after a stream broke

const streams = new Map();  // id → AbortController
const broken = new Map();   // id → when it may be tried again

// hears(id, change): what is different about a film; ended(id): its stream is over, its state is to be asked for.
async function follow(id, hears, ended) {
    const stream = new AbortController();
    streams.set(id, stream);
    try {
        await wire.events(id, (change) => hears(id, change), stream.signal);
    } catch { /* the list tells */ }
    if (streams.get(id) === stream) streams.delete(id);
    if (stream.signal.aborted) return;
    broken.set(id, Date.now() + RETRY);
    ended(id);
}

// `ids`: those being made now.
export function watch(ids, hears, ended) {
    for (const [id, stream] of streams) if (document.hidden || !ids.includes(id)) { streams.delete(id); stream.abort(); }
    for (const id of broken.keys()) if (!ids.includes(id)) broken.delete(id);
    if (document.hidden) return;
    for (const id of ids) if (streams.size < STREAMS && !streams.has(id) && !(broken.get(id) > Date.now())) follow(id, hears, ended);
}

// Whether all of them are followed.
export const covers = (ids) => ids.every((id) => streams.has(id));
