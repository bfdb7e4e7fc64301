// What keeps the films of a row in step, and the controls for it. Follows layer_script.h in the page.
#pragma once

namespace t3video::evaluation {

constexpr const char* kRowScript = R"js(
class Row {
  constructor(element) {
    Object.assign(this, { element, frame: 0, speed: 1, loops: true, zoom: 1, x: 0.5, y: 0.5, mode: 'beside', gain: 4,
      wipe: 0.5, playing: false, run: 0, held: false, near: false, at: 0 });
    this.players = [...element.querySelectorAll('figure[data-kind]')].map((figure) => this.player(figure));
    if (this.players.length === 0) return;
    this.reference = this.players.find((p) => p.figure.dataset.role === 'reference');
    this.make_controls();
    for (const player of this.players) this.follow_pointer(player.view);
    element.addEventListener('keydown', (event) => this.key(event));
    this.show_frame();
    this.place();
  }
  player(figure) {
    const view = figure.querySelector('.view');
    view.tabIndex = 0;
    view.setAttribute('role', 'group');
    view.setAttribute('aria-label', figure.dataset.name + ': k plays, comma and full stop step, arrows move the part ' +
      'that is shown');
    const player = { figure, view, layers: view.querySelector('.layers') };
    player.film = this.layer_of(figure, player.layers.firstElementChild);
    return player;
  }
  layer_of(figure, element) {
    const data = figure.dataset, fps = Number(data.fps);
    if (data.kind === 'pictures') {
      const canvas = document.createElement('canvas');
      if (element) element.replaceWith(canvas);
      return new PictureLayer(canvas, data.link, data.pictures.split(' '), fps);
    }
    const video = element || document.createElement('video');
    video.playsInline = true;
    const layer = new VideoLayer(video, data.link, fps, Number(data.frames));
    if (element) video.addEventListener('error', () => this.refuse(figure));
    video.addEventListener('loadedmetadata', () => this.show_frame());
    return layer;
  }
  refuse(figure) {  // a codec that this browser lacks, or a file that is gone
    const player = this.players.find((p) => p.figure === figure);
    if (!player || !player.film.element.getAttribute('src')) return;
    this.players = this.players.filter((p) => p !== player);
    const line = document.createElement('p');
    line.className = 'none';
    line.textContent = 'This browser cannot play the film. The link above opens it in another program.';
    player.view.replaceWith(line);
    if (player === this.reference) { this.set_mode('beside'); this.reference = null; this.choose_mode.hidden = true; }
    if (this.players.length === 0) { this.pause(); this.bar.remove(); }
  }
  get films() { return this.players.map((p) => p.film); }
  get overlays() { return this.players.map((p) => p.overlay).filter(Boolean); }
  get layers() { return [...this.films, ...this.overlays]; }
  get videos() { return this.layers.filter((l) => l instanceof VideoLayer && !l.element.error); }
  get pictures() { return this.layers.filter((l) => l instanceof PictureLayer); }
  get fps() { return this.players.length ? (this.videos[0] || this.films[0]).fps : 1; }
  get last() { return Math.max(0, ...this.films.map((l) => l.frames - 1)); }

  load() {
    if (this.near || this.players.length === 0) return;
    this.near = true;
    for (const layer of this.layers) layer.load();
    this.shown = -1;
    this.seek(this.frame);
  }
  unload() {
    if (!this.near) return;
    this.pause();
    this.near = false;
    for (const layer of this.layers) layer.unload();
  }
  // While a seek is under way only the last one that is asked for follows it.
  seek(frame) {
    this.frame = clamp(Math.round(frame), 0, this.last || 0);
    this.at = this.frame + 0.5;
    this.show_frame();
    this.seeking = this.seeking || (async () => {
      while (this.near && this.shown !== this.frame) {
        this.shown = this.frame;
        await Promise.all(this.layers.map((l) => l.seek(this.shown)));
      }
      this.seeking = null;
    })();
    return this.seeking;
  }
  async play() {
    if (this.playing || !this.near || this.players.length === 0) return;
    this.playing = true;
    const run = ++this.run;
    if (this.frame >= this.last) this.frame = 0;
    this.shown = -1;
    await this.seek(this.frame);
    this.held = true;  // the first tick starts what is ready
    this.before = performance.now();
    this.tick(this.before, run);
  }
  pause() {
    if (!this.playing) return;
    this.playing = false;
    for (const layer of this.videos) layer.element.pause();
    this.shown = -1;
    this.seek(this.frame);  // all on the same frame, exactly
  }
  rate_of(layer) { return this.speed * this.fps / layer.fps; }
  tick(now, run) {
    if (!this.playing || run !== this.run) return;  // paused, and perhaps started anew
    const clock = this.videos[0], seconds = Math.min(0.1, (now - this.before) / 1000);
    this.before = now;
    if (clock && !clock.element.ended) this.at = clock.element.currentTime * clock.fps;
    else if (!this.held) this.at = Math.max(this.at + seconds * this.speed * this.fps, clock ? clock.frames : 0);
    if (this.at >= this.last + 1) { this.end(); return; }
    this.frame = clamp(Math.floor(this.at), 0, this.last);
    const behind = this.pictures.filter((l) => !l.show(this.frame)).length > 0;
    const hold = behind || this.videos.some((l) => l.is_stalled(this.frame));
    for (const layer of this.videos) {
      const video = layer.element;
      if (hold) video.pause();
      else if (this.held && !video.ended) { video.playbackRate = this.rate_of(layer); video.play().catch(() => {}); }
      else if (layer !== clock) this.follow(layer);
    }
    this.held = hold;
    this.show_frame();
    requestAnimationFrame((next) => this.tick(next, run));
  }
  // Keeps a video at the clock's time: by its rate where it is near, else by a seek.
  follow(layer) {
    const video = layer.element, late = this.at / layer.fps - video.currentTime, rate = this.rate_of(layer);
    if (layer.is_past(this.at) || video.seeking) return;
    if (Math.abs(late) > 1.5 / layer.fps) video.currentTime += late;
    const wanted = Math.abs(late) < 0.002 ? rate : rate * (1 + clamp(6 * late, -0.25, 0.25));
    if (Math.abs(video.playbackRate - wanted) > 0.001 * rate) video.playbackRate = wanted;
  }
  async end() {
    for (const layer of this.videos) layer.element.pause();
    this.playing = false;
    if (this.loops) { this.frame = 0; await this.play(); return; }
    this.shown = -1;
    this.seek(this.last);
  }
  step(by) { this.pause(); this.seek(this.frame + by); }

  set_mode(mode) {
    this.mode = mode;
    for (const player of this.players) {
      const wants = mode !== 'beside' && this.reference && player !== this.reference;
      if (wants && !player.overlay) {
        player.overlay = this.layer_of(this.reference.figure, null);
        player.overlay.element.classList.add('overlay');
        player.layers.append(player.overlay.element);
        player.edge = document.createElement('div');
        player.edge.className = 'edge';
        player.view.append(player.edge);
        if (this.near) player.overlay.load();
      } else if (!wants && player.overlay) {
        player.overlay.unload();
        player.overlay.element.remove();
        player.edge.remove();
        player.overlay = player.edge = null;
      }
    }
    const was_playing = this.playing;
    this.pause();
    this.shown = -1;
    const ready = this.seek(this.frame);
    if (was_playing) ready.then(() => this.play());
    this.place();
  }
  // Zoom, what part is shown, and how the reference lies over films: the same in all views of the row.
  place() {
    const z = this.zoom, tx = clamp(0.5 - z * this.x, 1 - z, 0), ty = clamp(0.5 - z * this.y, 1 - z, 0);
    this.x = (0.5 - tx) / z;
    this.y = (0.5 - ty) / z;
    this.element.classList.toggle('zoomed', z > 1);
    this.element.classList.toggle('differing', this.mode === 'difference');
    this.element.classList.toggle('wiping', this.mode === 'wipe');
    const cut = clamp((this.wipe - tx) / z, 0, 1);
    for (const { view, layers, overlay, edge } of this.players) {
      layers.style.transform = z > 1 ? `translate(${tx * 100}%, ${ty * 100}%) scale(${z})` : '';
      layers.style.filter = overlay && this.mode === 'difference' ? `brightness(${this.gain})` : '';
      if (!overlay) continue;
      overlay.element.style.clipPath = this.mode === 'wipe' ? `inset(0 ${(1 - cut) * 100}% 0 0)` : '';
      edge.style.left = `${this.wipe * 100}%`;
      edge.hidden = this.mode !== 'wipe';
    }
    this.choose_gain.hidden = this.mode !== 'difference';
    this.choose_wipe.hidden = this.mode !== 'wipe';
    this.choose_wipe.lastElementChild.value = this.wipe * 100;
  }
  follow_pointer(view) {
    let last = null;
    view.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || (this.zoom === 1 && this.mode !== 'wipe')) return;
      last = event;
      view.setPointerCapture(event.pointerId);
    });
    view.addEventListener('pointermove', (event) => {
      if (!last) return;
      const box = view.getBoundingClientRect();
      if (this.zoom > 1) {
        this.x -= (event.clientX - last.clientX) / box.width / this.zoom;
        this.y -= (event.clientY - last.clientY) / box.height / this.zoom;
      } else {
        this.wipe = clamp((event.clientX - box.left) / box.width, 0, 1);
      }
      last = event;
      this.place();
    });
    for (const name of ['pointerup', 'pointercancel']) view.addEventListener(name, () => { last = null; });
  }
  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === 'SELECT') return;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const arrow = event.target.classList.contains('view') && arrows[event.key];
    if (event.key === 'k') this.toggle();
    else if (event.key === ',') this.step(-1);
    else if (event.key === '.') this.step(1);
    else if (arrow && this.zoom > 1) {
      this.x += arrow[0] * 0.1 / this.zoom;
      this.y += arrow[1] * 0.1 / this.zoom;
      this.place();
    } else if (arrow && arrow[0] !== 0) this.step(arrow[0]);
    else return;
    event.preventDefault();
  }
  toggle() { if (this.playing) this.pause(); else this.play(); }
)js";

constexpr const char* kControlsScript = R"js(
  show_frame() {
    if (!this.bar) return;
    const text = `frame ${this.frame + 1} of ${this.last + 1}`;
    this.button.textContent = this.playing ? '\u23F8 Pause' : '\u25B6 Play';
    this.range.max = this.last;
    this.range.value = this.frame;
    this.range.setAttribute('aria-valuetext', text);
    this.count.textContent = text;
  }
  make_controls() {
    const make = (tag, properties, ...children) => {
      const element = Object.assign(document.createElement(tag), properties);
      element.append(...children);
      return element;
    };
    const button = (text, label, act) => {
      const element = make('button', { type: 'button', onclick: act }, text);
      if (label) element.setAttribute('aria-label', label);
      return element;
    };
    const choice = (name, options, value, act) => make('label', {}, name,
      make('select', { onchange: (event) => act(event.target.value) },
        ...options.map(([v, text]) => make('option', { value: v, selected: v === value }, text))));
    const times = (list) => list.map((n) => [n, `${n}\u00D7`]);

    this.button = button('', '', () => this.toggle());
    this.range = make('input', { type: 'range', min: 0, step: 1, oninput: () => {
      const frame = Number(this.range.value);  // pausing shows where it stood
      this.pause();
      this.seek(frame);
    } });
    this.range.setAttribute('aria-label', 'Frame');
    this.count = make('output', {});
    this.count.setAttribute('aria-live', 'off');
    this.choose_mode = choice('Compare', [['beside', 'side by side'], ['difference', 'difference from reference'],
      ['wipe', 'wipe over reference']], 'beside', (v) => this.set_mode(v));
    this.choose_mode.hidden = !this.reference || this.players.length < 2;
    this.choose_gain = choice('Amplified', times([1, 4, 16]), 4, (v) => { this.gain = Number(v); this.place(); });
    this.choose_wipe = make('label', { className: 'wide-control' }, 'Reference up to',
      make('input', { type: 'range', min: 0, max: 100, step: 1, oninput: (event) => {
        this.wipe = Number(event.target.value) / 100;
        this.place();
      } }));
    this.bar = make('div', { className: 'controls' }, this.button,
      button('\u25C2 1', 'One frame back', () => this.step(-1)),
      button('1 \u25B8', 'One frame forward', () => this.step(1)), this.range, this.count,
      choice('Speed', [[1, '1'], [0.5, '1/2'], [0.25, '1/4']], 1, (v) => this.set_speed(Number(v))),
      make('label', {}, make('input', { type: 'checkbox', checked: true,
        onchange: (event) => { this.loops = event.target.checked; } }), 'Loop'),
      choice('Zoom', times([1, 2, 4, 8]), 1, (v) => { this.zoom = Number(v); this.place(); }),
      this.choose_mode, this.choose_gain, this.choose_wipe);
    this.bar.setAttribute('role', 'group');
    this.bar.setAttribute('aria-label', 'All films of this prompt in step');
    this.element.querySelector('.players').after(this.bar);
  }
  set_speed(speed) {
    this.speed = speed;
    if (this.playing && !this.held) for (const l of this.videos) l.element.playbackRate = this.rate_of(l);
  }
}

// Only rows near the screen hold films: a browser has decoders for a few dozen.
const rows = new Map([...document.querySelectorAll('.row')].map((element) => [element, new Row(element)]));
const watch = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) rows.get(entry.target).load();
    else rows.get(entry.target).unload();
  }
}, { rootMargin: '400px 0px' });
for (const element of rows.keys()) watch.observe(element);
document.addEventListener('visibilitychange', () => {
  if (document.hidden) for (const row of rows.values()) row.pause();
});
)js";

}  // namespace t3video::evaluation
