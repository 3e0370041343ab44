# SPDX-License-Identifier: Apache-2.0
"""How the page of a report looks: on a screen, light and dark, narrow and wide, and on paper."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root{--paper:#fbfbfa;--card:#fff;--ink:#1d2125;--soft:#5c656d;--line:#e3e5e8;--faint:#eef0f2;
--allowed:#7d9bb8;--warn:#d9a520;--failed:#d9703c;--blocked:#b3263a;
--good:#1a7f4b;--good-paper:#e9f6ee;--bad:#b3263a;--bad-paper:#fdecee;--open:#8a6500;--open-paper:#fdf5df}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1b1f23;--ink:#e6e8ea;--soft:#9aa4ad;
--line:#2d333a;--faint:#252a30;--allowed:#5d7f9f;--warn:#d9ac3a;--failed:#e08456;--blocked:#e5546a;
--good:#5fce93;--good-paper:#13291e;--bad:#ff8595;--bad-paper:#331419;--open:#e6bf57;--open-paper:#2c2410}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
-webkit-text-size-adjust:100%}
main{max-width:68rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}
header .kind{margin:0;color:var(--soft);font-size:.8rem;letter-spacing:.06em;text-transform:uppercase}
h1{margin:.1rem 0 1.5rem;font-size:1.5rem;line-height:1.25;font-weight:650;overflow-wrap:anywhere}
h2{margin:0 0 .75rem;font-size:1rem;font-weight:650}
section{margin:2.25rem 0 0}
p{margin:0 0 .75rem}
.quiet{color:var(--soft);font-size:.87rem}
.verdict{display:flex;gap:1rem;align-items:center;margin:0;padding:1.1rem 1.25rem;border-radius:.6rem;
border:1px solid}
.verdict h2{margin:0;font-size:1.25rem}
.verdict p{margin:.15rem 0 0;color:var(--ink)}
.verdict svg{flex:none;width:2.5rem;height:2.5rem;fill:none;stroke:currentColor;stroke-width:2;
stroke-linecap:round;stroke-linejoin:round}
.verdict circle{stroke-width:1.5}
.intact{color:var(--good);background:var(--good-paper)}
.broken{color:var(--bad);background:var(--bad-paper)}
.unknown{color:var(--open);background:var(--open-paper)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));margin:1.5rem 0 0;
background:var(--card);border:1px solid var(--line);border-radius:.6rem;overflow:hidden}
.facts div{box-shadow:1px 1px 0 var(--line);padding:.8rem 1rem}
dt{color:var(--soft);font-size:.8rem}
dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
svg rect.allowed,i.allowed{fill:var(--allowed);background:var(--allowed)}
svg rect.warn,i.warn{fill:var(--warn);background:var(--warn)}
svg rect.failed,i.failed{fill:var(--failed);background:var(--failed)}
svg rect.blocked,i.blocked{fill:var(--blocked);background:var(--blocked)}
.share{display:block;width:100%;height:.85rem;border-radius:.3rem}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.5rem;margin:.7rem 0 0;padding:0;
list-style:none;font-size:.9rem}
.legend i{display:inline-block;width:.7rem;height:.7rem;margin-right:.45rem;border-radius:.15rem}
.legend b{font-variant-numeric:tabular-nums}
.legend span{color:var(--soft)}
.chart{display:block;width:100%;height:11rem;border-bottom:1px solid var(--soft)}
.chart line{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.axis{display:flex;justify-content:space-between;gap:1rem;margin:.35rem 0 0;color:var(--soft);font-size:.8rem;
font-variant-numeric:tabular-nums}
.axis time:last-child{text-align:right}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));column-gap:2.5rem}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.88rem}
th{padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--soft);color:var(--soft);font-weight:500;
text-align:left;vertical-align:bottom}
td{padding:.45rem .75rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top;
overflow-wrap:anywhere}
th:last-child,td:last-child{padding-right:0}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th.number{white-space:normal}
.mono,code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
font-size:.92em}
.when{white-space:nowrap}
.name{min-width:9rem}
.meter{display:block;height:.25rem;margin-top:.3rem;border-radius:.15rem;background:var(--faint)}
.meter i{display:block;height:100%;border-radius:.15rem;background:var(--allowed)}
.incidents{min-width:54rem}
.incidents td{overflow-wrap:break-word}
.incidents .long{max-width:16rem;overflow-wrap:anywhere}
.findings{min-width:34rem}
.tag{display:inline-block;padding:0 .5rem;border-radius:1rem;border:1px solid;font-size:.8rem;
white-space:nowrap}
.tag.blocked{color:var(--bad)}
.tag.failed{color:var(--failed)}
.tag.warn{color:var(--open)}
.notes{margin:0;padding-left:1.1rem}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.85rem;
overflow-wrap:anywhere}
footer p{margin:0 0 .4rem}
@media (max-width:40rem){main{padding:1.5rem 1rem 3rem}h1{font-size:1.25rem}.chart{height:8rem}
.verdict{align-items:flex-start}.verdict svg{width:2rem;height:2rem}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc;--faint:#eee;--good:#0b5e34;
--good-paper:#fff;--bad:#8f1023;--bad-paper:#fff;--open:#5f4600;--open-paper:#fff}
main{max-width:none;padding:0}.scroll{overflow:visible}.incidents,.findings{min-width:0;font-size:.75rem}
section,tr{break-inside:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
