// How a page of films looks beside what all pages have in common.
#pragma once

namespace t3video::evaluation {

constexpr const char* kPlayerStyle = R"css(
body { max-width: 100rem; }
.means td small, .numbers td small { display: block; font-size: .8rem; color: var(--quiet); }
.means th:first-child, .means td:first-child, .numbers th:first-child, .numbers td:first-child { position: sticky;
  left: 0; background: var(--ground); z-index: 1; }
.means td small.apart { color: var(--text); font-weight: 600; }
.numbers td small { max-width: 18rem; margin-left: auto; white-space: normal; }
.swatch { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; border-radius: .2rem;
  vertical-align: -.05rem; background: hsl(var(--hue) 62% var(--light)); }
.swatch.neutral { background: var(--text); }
.interval text { fill: var(--text); }
.interval text.x { fill: var(--quiet); }
.interval text.value { text-anchor: end; }
.interval path.mean { stroke-width: 8; }
.finding ul { margin: .3rem 0 0; padding-left: 1.2rem; }
.finding summary, .row summary { cursor: pointer; }
.row { margin: 0 0 2.5rem; content-visibility: auto; contain-intrinsic-size: auto 60rem; scroll-margin-top: 1rem; }
.row h3 small { font-weight: 400; color: var(--quiet); }
.players { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: .8rem; }
.players figure { max-width: 60rem; }
.players figcaption { font-size: .85rem; }
.players .none { margin: .3rem 0; padding: .8rem; background: var(--panel); border-radius: .2rem; font-size: .85rem; }
.view { position: relative; overflow: hidden; margin-top: .3rem; background: #000; border-radius: .2rem; }
.view:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.layers { position: absolute; inset: 0; transform-origin: 0 0; isolation: isolate; }
.layers > * { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: fill; }
.zoomed .view { cursor: grab; touch-action: none; }
.zoomed .layers > * { image-rendering: pixelated; }
.wiping .view { touch-action: none; }
.differing .overlay { mix-blend-mode: difference; }
.edge { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px; background: #fff;
  box-shadow: 0 0 0 1px #000; pointer-events: none; }
.controls { display: flex; flex-wrap: wrap; gap: .4rem .7rem; align-items: center; margin: .6rem 0;
  padding: .5rem .7rem; background: var(--panel); border-radius: .4rem; font-size: .85rem; }
.controls button, .controls select { min-height: 2.1rem; padding: .2rem .6rem; font: inherit; color: var(--text);
  background: var(--ground); border: 1px solid var(--quiet); border-radius: .3rem; cursor: pointer; }
.controls button:focus-visible, .controls select:focus-visible, .controls input:focus-visible {
  outline: 3px solid var(--link); outline-offset: 1px; }
.controls input[type=range] { flex: 1 1 9rem; min-width: 7rem; height: 2.1rem; accent-color: var(--link); }
.controls label { display: inline-flex; align-items: center; gap: .35rem; }
.controls label.wide-control { flex: 1 1 14rem; }
.controls input[type=checkbox] { width: 1.1rem; height: 1.1rem; accent-color: var(--link); }
.controls output { font-variant-numeric: tabular-nums; white-space: nowrap; }
.controls [hidden] { display: none; }
.rows-list { columns: 22rem; font-size: .9rem; }
.metrics dt { margin-top: 1rem; font-weight: 600; scroll-margin-top: 1rem; }
.metrics dd { margin: 0; max-width: 60rem; }
.metrics .formula { padding: .3rem .6rem; background: var(--panel); border-radius: .3rem; }
@media print { .controls { display: none; } .row { content-visibility: visible; } }
)css";

}  // namespace t3video::evaluation
