// What the film in the form would cost, asked for once nobody typed for a moment. Prompts and seeds change nothing of it.
import * as wire from "./wire.js";
import {bytes, duration, find, number, say, size} from "./words.js";

const PAUSE = 350;  // milliseconds

let timer = 0;
let running = null;  // AbortController
let sending = null;  // the promise of a plan with which a file goes along
let last = null;     // {text, read, input, wrong, error}

function show(main, notes = "", bad = false) {
    find("plan").removeAttribute("aria-busy");
    find("plan").classList.toggle("bad", bad);
    say(find("plan-main"), main);
    say(find("plan-notes"), notes);
}

function tell(plan) {
    const what = [plan.size && size(plan.size), plan.num_frames && `${plan.num_frames} frame${plan.num_frames === 1 ? "" : "s"}`,
        plan.fps && plan.num_frames && `${number(plan.num_frames / plan.fps, 1)} s`, plan.num_inference_steps && `${plan.num_inference_steps} steps`];
    const notes = [what.filter(Boolean).join(", "), ...(plan.notes ?? [])].filter(Boolean);
    if (plan.fits === false) return show(plan.reason || "This film does not fit this machine.", notes.join(". "), true);
    const takes = plan.time_s === null || plan.time_s === undefined ? "Time unknown" : `About ${duration(plan.time_s)}`;
    if (plan.wait_s >= 1) notes.unshift(`${duration(plan.wait_s)} of waiting before it`);
    show(`${takes}${plan.memory_bytes ? `, ${bytes(plan.memory_bytes)} of memory` : ""}`, notes.join(". "));
}

async function askServer({read, input, wrong}) {
    const mine = running = new AbortController();
    find("plan").setAttribute("aria-busy", "true");
    if (input?.file && !input.id) show("Sending the file…");
    try {
        const answer = await wire.plan({...read(), prompt: "a film", seed: 0}, input?.id ? null : input?.file, mine.signal);
        if (mine.signal.aborted) return;
        // The file lies at the server now, and its name there is all that has to be sent from here on.
        if (input?.file && answer.input?.id) Object.assign(input, answer.input);
        tell(answer);
    } catch (error) {
        if (error.name === "AbortError" || mine.signal.aborted) return;
        show(error.message, "", error.status !== 0);
        if (error.status === 400 && error.param) wrong(last.error = error);
    }
}

// What is on its way is of no use any more, other than a file, which should not be sent twice.
async function send() {
    if (sending) {
        await sending;
        if (sending) return;
    }
    running?.abort();
    const asked = askServer(last);
    if (last.input?.file && !last.input.id) sending = asked.finally(() => { sending = null; });
}

// Resolves when no file is on its way any more.
export const sent = () => sending ?? Promise.resolve();

// read(): the request as the form has it, by then with the name that a file got; wrong(error): a field of it is.
export function ask(read, input, wrong) {
    const text = JSON.stringify({...read(), prompt: "", seed: 0, file: [input?.kind, input?.name, input?.file?.size]});
    if (last?.text === text) {
        if (last.error) wrong(last.error);
        return;
    }
    if (sending && last.input !== input) running.abort();
    last = {text, read, input, wrong};
    clearTimeout(timer);
    find("plan").setAttribute("aria-busy", "true");
    timer = setTimeout(send, PAUSE);
}

// As the queue before it is another.
export function again() {
    if (!last) return;
    clearTimeout(timer);
    timer = setTimeout(send, PAUSE);
}
