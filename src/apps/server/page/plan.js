// What the film in the form would cost, asked for once nobody typed for a moment. Prompts and seeds change nothing of it.
import * as wire from "./wire.js";
import {bytes, duration, find, number, say, size} from "./words.js";

const PAUSE = 350;  // milliseconds

let timer = 0;
let running = null;  // AbortController
let last = null;     // {text, request, input, wrong, error}

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

async function send({request, input, wrong}) {
    running?.abort();
    const mine = running = new AbortController();
    find("plan").setAttribute("aria-busy", "true");
    try {
        const answer = await wire.plan({...request, prompt: "a film", seed: 0}, input?.id ? null : input?.file, mine.signal);
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

export function ask(request, input, wrong) {
    const text = JSON.stringify({...request, prompt: "", seed: 0, file: [input?.kind, input?.name, input?.id, input?.file?.size]});
    if (last?.text === text) {
        if (last.error) wrong(last.error);
        return;
    }
    last = {text, request, input, wrong};
    clearTimeout(timer);
    find("plan").setAttribute("aria-busy", "true");
    timer = setTimeout(() => send(last), PAUSE);
}

// As the queue before it is another.
export function again() {
    if (!last) return;
    clearTimeout(timer);
    timer = setTimeout(() => send(last), PAUSE);
}
