"""The style sheet of the page, for light and for dark screens."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5d6772; --page: #fff; --line: #d5dae0;
  --band: #f3f5f7; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --soft: #9aa5b1; --page: #15181c;
  --line: #39414b; --band: #1f242a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
p, figcaption, caption, .soft { color: var(--soft); font-size: 0.9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.6rem 0; }
caption { text-align: left; }
th, td { padding: 0.25rem 0.7rem; text-align: right; border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: 0.85rem; } td.text, th.text { text-align: left; }
tbody tr:nth-child(even) { background: var(--band); }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
.plots > div { flex: 1 1 20rem; max-width: 34rem; }
svg { width: 100%; height: auto; color: var(--ink); }
.strip { display: flex; gap: 0.5rem; overflow-x: auto; padding-bottom: 0.4rem; }
.strip figure { margin: 0; flex: 0 0 auto; width: min(9.5rem, 38vw); }
.strip img { width: 100%; height: auto; display: block; border: 1px solid var(--line); }
.strip figcaption { font-size: 0.78rem; line-height: 1.3; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; padding: 0; list-style: none; }
.legend span { display: inline-block; width: 1em; height: 1em; vertical-align: -0.15em;
  border: 1px solid var(--line); margin-right: 0.35em; }
"""
