// Where the page begins.
import * as dialogs from "./dialogs.js";
import * as films from "./films.js";
import * as form from "./form.js";
import * as player from "./player.js";
import * as wire from "./wire.js";
import {find, say} from "./words.js";

let loaded = false;

function connected(error) {
    find("key-button").hidden = !(wire.key.get() || error?.status === 401);
    if (error?.status === 401) {
        say(find("connection"), "A key is needed.");
        dialogs.askForKey(wire.key.get() ? "The server does not know this key." : "");
        return;
    }
    say(find("connection"), error ? `${error.message} Trying again.` : "");
    if (!error && !loaded) load();
}

async function load() {
    try {
        await form.load();
        loaded = true;
    } catch (error) {
        connected(error);
    }
}

dialogs.start(() => location.reload());  // films and limits are others for another key
player.start();
form.start(films.add);
films.start({reuse: (film) => form.fill({...film.request, seed: film.seed}), connected, changed: form.refreshPlan});
films.look();
