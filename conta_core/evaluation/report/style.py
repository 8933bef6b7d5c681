"""The style sheet of the page, for screens, light and dark, from 360 pixels up, and for paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #56606b; --page: #fff; --line: #d5dae0;
  --band: #f3f5f7; --tint: #4c9be8; --link: #0b5fae; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --soft: #a3aeba;
  --page: #15181c; --line: #39414b; --band: #1f242a; --tint: #3f7fc4; --link: #7db8f5; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.3rem 0; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 0.6rem; padding-top: 0.6rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.4rem 0 0.3rem; }
h4 { font-size: 0.95rem; margin: 0; }
p { margin: 0.4rem 0; max-width: 52rem; }
p, figcaption, .soft, dd, summary { color: var(--soft); font-size: 0.9rem; }
.soft { font-weight: 400; }
a, summary { color: var(--link); }
summary { cursor: pointer; padding: 0.35rem 0; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
nav ul, .tiles, .legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; padding: 0;
  margin: 0.6rem 0; list-style: none; font-size: 0.9rem; }
nav a { display: inline-block; padding: 0.2rem 0; }
.tiles { gap: 0.6rem; }
.tiles li { flex: 1 1 8.5rem; max-width: 14rem; padding: 0.5rem 0.8rem; background: var(--band);
  border-radius: 0.4rem; line-height: 1.35; }
.tiles strong { font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.legend span { display: inline-block; width: 1em; height: 1em; vertical-align: -0.15em;
  border: 1px solid var(--line); margin-right: 0.35em; }
dl { margin: 0.6rem 0; } dt { font-weight: 600; font-size: 0.9rem; }
dd { margin: 0 0 0.5rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 0 0 0.8rem; }
.caption { margin: 0.8rem 0 0.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.22rem 0.6rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 600; font-size: 0.85rem; }
thead th { vertical-align: bottom; white-space: normal; }
@media (max-width: 30rem) {
  table { font-size: 0.82rem; } th { font-size: 0.78rem; }
  th, td { padding: 0.22rem 0.25rem; }
}
td.text, th.text { text-align: left; }
th[scope=row] { position: sticky; left: 0; background: var(--page); font-weight: 500; }
th[scope=colgroup] { text-align: left; }
.start { border-left: 2px solid var(--line); }
td.shaded { background: color-mix(in srgb, var(--tint) calc(var(--share) * 60%), transparent); }
.words td.text { white-space: normal; min-width: 7rem; max-width: 26rem; overflow-wrap: anywhere; }
.words td.text:last-child { min-width: 12rem; }
.matrix thead th + th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left;
  padding: 0.3rem 0.2rem; white-space: nowrap; }
.matrix td { text-align: center; min-width: 2.4rem; padding: 0.22rem 0.3rem; }
.totals tbody tr:last-child > * { font-weight: 600; border-top: 2px solid var(--line); }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
.plots > div { flex: 1 1 18rem; max-width: 34rem; min-width: 0; }
svg { width: 100%; height: auto; color: var(--ink); }
figure { margin: 0; }
figure img { display: block; width: 100%; height: auto; border: 1px solid var(--line);
  image-rendering: auto; }
.blank { border: 1px dashed var(--line); }
figcaption { font-size: 0.75rem; line-height: 1.3; padding-top: 0.15rem;
  overflow-wrap: anywhere; }
#confounders > figure { width: min(22rem, 100%); margin: 0.5rem 0; }
.grid, .row { display: grid; gap: 0.5rem;
  grid-template-columns: repeat(auto-fill, minmax(5.9rem, 1fr)); }
.grid { grid-template-columns: repeat(auto-fill, minmax(6.5rem, 9rem)); margin: 0.4rem 0 1rem; }
.row + .row { margin-top: 0.5rem; }
@media print, (min-width: 48rem) {
  .rows { display: grid; grid-template-columns: 2fr 5fr; column-gap: 0.5rem; }
  .row { grid-template-columns: repeat(5, 1fr); margin-top: 0; }
  .row:first-child { grid-template-columns: 1fr 1fr; grid-row: 1 / span 20; align-self: start;
    padding-top: 1.55rem; }
  .row + .row { grid-column: 2; margin-top: 0; }
}
.which { grid-column: 1 / -1; margin: 0.2rem 0 0; }
.card { margin: 0.8rem 0; padding: 0.6rem 0.7rem; background: var(--band);
  border-radius: 0.4rem; }
.card p { margin: 0.1rem 0 0.35rem; }
.control { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap;
  align-items: center; gap: 0.3rem 0.8rem; padding: 0.5rem 0; background: var(--page);
  border-bottom: 1px solid var(--line); font-size: 0.9rem; }
.control[hidden] { display: none; }
.control input[type=range] { flex: 1 1 6rem; min-width: 0; max-width: 22rem; height: 2rem;
  accent-color: var(--tint); }
.control output { min-width: 2.8rem; font-variant-numeric: tabular-nums; }
section, article { scroll-margin-top: 4rem; }
@media screen {
  .one-round .rows, .one-round .row { display: grid; gap: 0.5rem;
    grid-template-columns: repeat(auto-fill, minmax(5.9rem, 1fr)); }
  .one-round .row { display: contents; }
  .one-round .row[data-round]:not(.shown) { display: none; }
  .one-round .which { display: none; }
}
@media screen and (min-width: 48rem) {
  .one-round .rows { grid-template-columns: repeat(7, 1fr); }
}
@media print {
  @page { margin: 14mm; }
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  nav, .control { display: none; }
  h2, h3, h4, .caption { break-after: avoid; }
  figure, tr, .row, .plots > div, .tiles li { break-inside: avoid; }
  thead { display: table-header-group; }
  .wide { overflow: visible; }
  table { font-size: 7pt; } th { font-size: 7pt; }
  th, td { padding: 0.12rem 0.28rem; white-space: normal; }
  th[scope=row] { position: static; }
  .card { padding: 0; background: none; break-inside: avoid; }
  .card p, h3 + p { break-after: avoid; }
  .legend span, td.shaded { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible; block-size: auto; }
  summary { display: none; }
}
"""
