// A film of the queue or of those that are there: one card, which changes in place so that the focus stays.
import * as wire from "./wire.js";
import {duration, element, facts, find, say, shorten, state} from "./words.js";

// Which actions a film has in which state: its name for `act`, the word on the button, the states.
const ACTIONS = [
    ["play", "Play", ["completed"]],
    ["cancel", "Cancel", ["queued", "in_progress"]],
    ["resume", "Resume", ["failed"]],
    ["download", "Download", ["completed"]],
    ["reuse", "Use again", ["queued", "in_progress", "completed", "failed"]],
    ["remix", "Remix", ["completed", "failed"]],
    ["remove", "Delete", ["completed", "failed"]],
];

export class Card {
    // act(name, film): what a button asks for.
    constructor(film, act) {
        this.buttons = new Map();
        this.failures = 0;  // of pictures
        const id = `film-${film.id}`;
        this.image = element("img", {alt: "", hidden: true, decoding: "async"});
        this.picture = element("div", {class: "picture"}, this.image);
        this.title = element("h3", {id});
        this.facts = element("p", {class: "facts"});
        this.state = element("p", {class: "state"});
        this.bar = element("progress", {max: 100, value: 0, hidden: true});
        this.error = element("p", {class: "notice bad", role: "alert", hidden: true});
        const actions = element("div", {class: "actions"});
        for (const [name, word] of ACTIONS) {
            const button = element("button", {type: "button", hidden: true, onclick: () => this.run(name, act)}, word);
            this.buttons.set(name, button);
            actions.append(button);
        }
        this.root = element("li", {class: "card"}, this.picture,
            element("div", {class: "about"}, this.title, this.state, this.bar, this.facts, this.error, actions));
        this.root.setAttribute("aria-labelledby", id);
        this.show(film);
    }

    async run(name, act) {
        this.error.hidden = true;
        const button = this.buttons.get(name);
        button.setAttribute("aria-busy", "true");
        try {
            await act(name, this.film);
        } catch (error) {
            this.error.hidden = false;
            say(this.error, error.message);
        } finally {
            button.removeAttribute("aria-busy");
        }
    }

    show(film) {
        const focused = this.root.contains(document.activeElement) ? document.activeElement : null;
        this.film = film;
        say(this.title, film.prompt || "(no prompt)");
        say(this.facts, facts(film));
        this.tick();
        this.state.classList.toggle("bad", film.status === "failed" && film.error?.code !== "cancelled");
        this.root.classList.toggle("bare", film.status !== "in_progress" && film.status !== "completed" && !film.preview);
        const running = film.status === "in_progress";
        this.bar.hidden = !running;
        if (running) {
            this.bar.value = film.progress;
            this.bar.setAttribute("aria-label", `Progress of ${shorten(film.prompt)}`);
        }
        const short = shorten(film.prompt);
        for (const [name, word, states] of ACTIONS) {
            const button = this.buttons.get(name);
            const shown = name === "resume" && film.error?.code !== "cancelled" ? "Try again" : word;
            button.hidden = !states.includes(film.status);
            say(button, shown);
            button.setAttribute("aria-label", `${shown}: ${short}`);
        }
        this.showPicture(film);
        if (focused?.hidden) this.focus(focused);
    }

    // On what had the focus, or the first button where that is no more.
    focus(before) {
        const place = before.hidden ? [...this.buttons.values()].find((button) => !button.hidden) : before;
        place?.focus({preventScroll: true});
    }

    // What passes by itself: the time that is left.
    tick() {
        const film = this.film;
        const eta = film.eta === null || film.heard === undefined ? film.eta : Math.max(1, film.eta - (Date.now() - film.heard) / 1000);
        say(this.state, state({...film, eta}));
    }

    async showPicture(film) {
        const done = film.status === "completed";
        const wanted = done ? `thumbnail ${film.completedAt}` : film.preview;
        if (done && this.picture.tagName !== "BUTTON") {
            // Only a pointer's way to "Play": a keyboard or a screen reader has the button below.
            const button = element("button", {type: "button", class: "picture", tabindex: "-1", "aria-hidden": "true",
                onclick: () => this.buttons.get("play").click()}, this.image, find("play-mark").content.cloneNode(true));
            this.picture.replaceWith(button);
            this.picture = button;
        }
        const [width, height] = film.size.split("x").map(Number);
        this.picture.style.aspectRatio = width >= height ? `${width} / ${height}` : "1";
        if (!wanted || wanted === this.wanted) return;
        this.wanted = wanted;
        try {
            const url = await (done ? wire.thumbnail(film.id) : wire.preview(film.preview));
            if (this.wanted !== wanted) return;
            const next = new Image();
            next.src = url;
            await next.decode();  // the picture before stays until this one is there
            if (this.wanted !== wanted) return;
            this.image.src = url;
            this.image.hidden = false;
            this.image.alt = done ? "" : film.step ? `Preview after step ${film.step}` : "Preview";
        } catch {
            if (this.wanted === wanted && ++this.failures < 5) this.wanted = null;  // tried again with the next news
        }
    }
}

// Said when a film is over or begins; "" where there is nothing to say.
export function news(before, film) {
    if (!before || before.status === film.status) return "";
    const prompt = shorten(film.prompt, 60);
    if (film.status === "in_progress") return `Now being made: ${prompt}${film.eta > 0 ? `, about ${duration(film.eta)}` : ""}`;
    if (film.status === "completed") return `Finished: ${prompt}`;
    if (film.status === "failed") return `${film.error?.code === "cancelled" ? "Cancelled" : "Failed"}: ${prompt}`;
    return "";
}
