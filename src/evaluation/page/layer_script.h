// What shows single frames of films in a page. Pages from disk may not read pixels of their films, so that pictures are
// compared by how layers are drawn, never by reading a canvas.
#pragma once

namespace t3video::evaluation {

// Layers: a film, or the reference over it; both know how to show a frame and tell when they do.
constexpr const char* kLayerScript = R"js('use strict';
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const until = (target, names, ms) => new Promise((done) => {
  const end = () => { clearTimeout(timer); for (const n of names) target.removeEventListener(n, end); done(); };
  const timer = setTimeout(end, ms);
  for (const n of names) target.addEventListener(n, end);
});

class VideoLayer {
  constructor(video, link, fps, frames) {
    Object.assign(this, { element: video, link, fps, frames });
    video.muted = true;
    video.controls = false;
    video.addEventListener('loadedmetadata', () => {
      if (this.frames === 0 && isFinite(video.duration)) this.frames = Math.round(video.duration * fps);
    });
  }
  load() {
    this.element.preload = 'auto';
    if (this.element.getAttribute('src') !== this.link) this.element.src = this.link;
    else if (this.element.readyState === 0) this.element.load();
  }
  unload() {  // gives decoder and memory back
    this.element.pause();
    this.element.preload = 'none';
    this.element.removeAttribute('src');
    this.element.load();
  }
  // The middle of a frame's time: no rounding leads to a neighbour.
  async seek(frame) {
    const video = this.element;
    if (video.error || !video.getAttribute('src')) return;
    if (video.readyState < 1) await until(video, ['loadedmetadata', 'error'], 20000);
    if (video.readyState < 1) return;
    const last = this.frames > 0 ? this.frames - 1 : frame;
    const time = Math.min((Math.min(frame, last) + 0.5) / this.fps, Math.max(0, video.duration - 0.001));
    if (Math.abs(video.currentTime - time) > 1e-4) {
      video.currentTime = time;
      await until(video, ['seeked', 'error', 'emptied'], 20000);
    }
    if (video.readyState < 2) await until(video, ['loadeddata', 'canplay', 'error', 'emptied'], 20000);
  }
  is_past(frame) { return this.element.ended || (this.frames > 0 && frame >= this.frames - 1); }
  is_stalled(frame) { return !this.is_past(frame + 1) && this.element.readyState < 3 && !this.element.error; }
}

class PictureLayer {
  constructor(canvas, folder, names, fps) {
    this.links = names.map((link) => folder + link);  // in the order of the film's frames
    Object.assign(this, { element: canvas, fps, frames: this.links.length, pictures: new Map(), loaded: false });
    this.most = 8;
  }
  load() { this.loaded = true; }
  unload() { this.loaded = false; this.pictures.clear(); }
  fetch(frame) {
    let picture = this.pictures.get(frame);
    if (picture) return picture;
    const image = new Image();
    picture = { image, is_ready: false };
    image.src = this.links[frame];
    picture.done = image.decode().then(() => { picture.is_ready = true; }, () => { picture.is_ready = true; });
    this.pictures.set(frame, picture);
    return picture;
  }
  // Draws the frame where it is there already, and fetches those that follow.
  show(frame) {
    frame = clamp(frame, 0, this.frames - 1);
    const picture = this.fetch(frame);
    for (let i = 1; i < this.most / 2; ++i) this.fetch((frame + i) % this.frames);
    for (const key of this.pictures.keys()) {
      if (this.pictures.size <= this.most) break;
      if ((key - frame + this.frames) % this.frames >= this.most / 2) this.pictures.delete(key);
    }
    if (!picture.is_ready) return false;
    const { naturalWidth: w, naturalHeight: h } = picture.image;
    if (w === 0) return true;  // cannot be read
    if (this.element.width !== w || this.element.height !== h) {
      Object.assign(this.element, { width: w, height: h });
      this.most = clamp(Math.floor(2 ** 28 / (4 * w * h)), 8, 256);  // within 256 MiB
    }
    this.element.getContext('2d').drawImage(picture.image, 0, 0);
    this.shown = frame;
    return true;
  }
  async seek(frame) {
    if (!this.loaded) return;
    await this.fetch(clamp(frame, 0, this.frames - 1)).done;
    this.show(frame);
  }
}
)js";

}  // namespace t3video::evaluation
