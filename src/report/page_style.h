// How the report looks: on a screen or a phone, by day or by night, and on paper.
#pragma once

namespace t3video::report {

// Curves have the hue of their class at the lightness of day or night, so that both grounds suit them.
constexpr const char* kPageStyle = R"css(
:root { color-scheme: light dark; --ground: #fff; --panel: #f6f7f9; --text: #1b1f24; --quiet: #626b76; --line: #dfe3e8;
  --link: #0b5cad; --good: #1a7f43; --bad: #b3261e; --bad-ground: #fdeeec; --warn: #8a5a00; --warn-ground: #fdf4df;
  --good-ground: #eaf6ee; --light: 44%; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ground: #14171b; --panel: #1c2026; --text: #e3e7ec; --quiet: #98a2ae; --line: #323942; --link: #7db6f5;
    --good: #62c58a; --bad: #ff8f85; --bad-ground: #3a1d1b; --warn: #e9bc62; --warn-ground: #352a12;
    --good-ground: #17301f; --light: 64%; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 76rem; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .7rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; font-weight: 600; margin: 1.2rem 0 .4rem; }
a { color: var(--link); }
.quiet, .none, figcaption span { color: var(--quiet); }
header p { margin: .1rem 0; }
.state { display: inline-block; margin-left: .5rem; padding: .05rem .6rem; border-radius: 1rem; font-size: .8rem;
  font-weight: 600; vertical-align: .2rem; border: 1px solid currentColor; color: var(--link); }
.state.done { color: var(--good); }
.bar { height: .55rem; margin: 1rem 0 .3rem; border-radius: .3rem; background: var(--line); overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--link); }
.finding { margin: .5rem 0; padding: .55rem .8rem; border-left: 4px solid; border-radius: .2rem; }
.finding.serious { color: var(--bad); background: var(--bad-ground); font-weight: 600; }
.finding.warning { color: var(--warn); background: var(--warn-ground); }
.finding.good { color: var(--good); background: var(--good-ground); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .6rem; margin: 1rem 0 0; }
.tiles div { padding: .6rem .8rem; background: var(--panel); border-radius: .4rem; }
.tiles dt { font-size: .8rem; color: var(--quiet); }
.tiles dd { margin: 0; font-size: 1.25rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.35; }
.tiles dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--quiet); }
@media (min-width: 56rem) { .tiles { grid-template-columns: repeat(4, 1fr); } }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
.plots figure { padding: .7rem .8rem .4rem; background: var(--panel); border-radius: .4rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0 .9rem; margin: 0; padding: 0; list-style: none; font-size: .8rem;
  color: var(--quiet); }
.legend i { display: inline-block; width: .9rem; height: .2rem; margin-right: .35rem; vertical-align: .2rem;
  border-radius: .1rem; background: hsl(var(--hue) 62% var(--light)); }
.legend i.neutral { background: var(--text); }
.legend i.faint { opacity: .4; height: .5rem; vertical-align: 0; }
.legend i.mark { background: var(--bad); width: .2rem; height: .7rem; vertical-align: -.05rem; }
.hue0 { --hue: 0; } .hue1 { --hue: 15; } .hue2 { --hue: 30; } .hue3 { --hue: 45; } .hue4 { --hue: 60; }
.hue5 { --hue: 75; } .hue6 { --hue: 90; } .hue7 { --hue: 105; } .hue8 { --hue: 120; } .hue9 { --hue: 135; }
.hue10 { --hue: 150; } .hue11 { --hue: 165; } .hue12 { --hue: 180; } .hue13 { --hue: 195; } .hue14 { --hue: 210; }
.hue15 { --hue: 225; } .hue16 { --hue: 240; } .hue17 { --hue: 255; } .hue18 { --hue: 270; } .hue19 { --hue: 285; }
.hue20 { --hue: 300; } .hue21 { --hue: 315; } .hue22 { --hue: 330; } .hue23 { --hue: 345; }
svg { display: block; width: 100%; height: auto; margin-top: .3rem; }
svg text { font-size: 11px; fill: var(--quiet); dominant-baseline: middle; }
@media (max-width: 30rem) { svg text { font-size: 13px; } }
svg text.y, svg text.level { text-anchor: end; }
svg text.x { text-anchor: middle; }
svg text.left { text-anchor: end; }
svg path { fill: none; stroke-linecap: round; stroke-linejoin: round; stroke: hsl(var(--hue) 62% var(--light)); }
svg path.neutral { stroke: var(--text); }
svg path.line { stroke-width: 1.6; }
svg path.ends { stroke-width: 4.5; }
svg path.dots { stroke-width: 2.4; opacity: .55; }
svg path.few { stroke-width: 4.5; }
svg path.range { stroke-width: 1.1; stroke-linecap: butt; }
svg path.faint { opacity: .38; }
svg path.grid, svg path.axis { stroke: var(--line); stroke-width: 1; stroke-linecap: butt; }
svg path.axis { stroke: var(--quiet); }
svg path.border, svg path.level { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 2 3; stroke-linecap: butt; }
svg path.level { stroke-dasharray: 6 4; }
svg path.marks { stroke: var(--bad); stroke-width: 1.4; stroke-linecap: butt; }
.films { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: .8rem; }
.films img { display: block; width: 100%; height: auto; border-radius: .2rem; }
.films figcaption { font-size: .85rem; }
.films .none { margin: 0; padding: .8rem; background: var(--panel); border-radius: .2rem; font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .28rem 1.1rem .28rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: normal; }
th { font-weight: 600; color: var(--quiet); }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .plots { grid-template-columns: 1fr 1fr; }
  .films { grid-template-columns: 1fr 1fr 1fr; }
  .tiles div, .plots figure { border: 1px solid var(--line); background: none; }
  .bar, .bar i, .legend i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, h3 { break-after: avoid; }
  tr, .finding, .tiles div { break-inside: avoid; }
}
)css";

}  // namespace t3video::report
