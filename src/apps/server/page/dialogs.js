// The dialogs that ask something: a prompt for a remix, a yes, a key. The browser keeps the focus in them, ends them at
// Escape and gives the focus back.
import * as wire from "./wire.js";
import {find, say} from "./words.js";

function closable(dialog) {
    dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
}

let sendRemix = null;

export function remix(film, send) {
    sendRemix = send;
    find("remix-error").hidden = true;
    find("remix-prompt").value = film.prompt;
    find("remix").showModal();
    find("remix-prompt").focus();
    find("remix-prompt").select();
}

async function remixSubmitted(event) {
    event.preventDefault();
    const button = event.target.querySelector("[type=submit]");
    button.disabled = true;
    try {
        await sendRemix(find("remix-prompt").value);
        find("remix").close();
    } catch (error) {
        find("remix-error").hidden = false;
        say(find("remix-error"), error.message);
    } finally {
        button.disabled = false;
    }
}

let answer = null;

// Whether people say yes.
export function confirm(question, text, yes) {
    say(find("confirm-heading"), question);
    say(find("confirm-text"), text);
    say(find("confirm-yes"), yes);
    find("confirm").showModal();
    return new Promise((resolve) => { answer = resolve; });
}

let keyChanged = () => {};

export function askForKey(refused = "") {
    const dialog = find("key");
    if (dialog.open) return;
    find("key-error").hidden = !refused;
    say(find("key-error"), refused);
    find("key-forget").hidden = !wire.key.get();
    find("key-value").value = "";
    dialog.showModal();
    find("key-value").focus();
}

export function start(onKey) {
    keyChanged = onKey;
    ["remix", "confirm", "key"].map(find).forEach(closable);
    find("remix-form").addEventListener("submit", remixSubmitted);
    find("remix-prompt").addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find("remix-form").requestSubmit();
    });
    find("confirm-yes").addEventListener("click", () => { answer?.(true); answer = null; find("confirm").close(); });
    find("confirm").addEventListener("close", () => { answer?.(false); answer = null; });
    find("key-form").addEventListener("submit", (event) => {
        event.preventDefault();
        wire.key.set(find("key-value").value.trim());
        find("key").close();
        keyChanged();
    });
    find("key-forget").addEventListener("click", () => {
        wire.key.set("");
        find("key").close();
        keyChanged();
    });
    find("key-button").addEventListener("click", () => askForKey());
}
