"""How the page looks."""

STYLE = """
:root{color-scheme:light dark;--ground:#fbfbf9;--card:#fff;--ink:#1c2230;--soft:#667085;--line:#e4e6ea;
--s0:#0f8b8d;--s1:#3b6fd4;--s2:#b83280;--s3:#c2621b;--good:#18794e;--bad:#c92a2a}
@media (prefers-color-scheme:dark){:root{--ground:#12151c;--card:#191e28;--ink:#e6e9ef;--soft:#98a2b3;--line:#2b3240;
--s0:#3cc7c0;--s1:#7aa5ff;--s2:#f07ab8;--s3:#f2a45c;--good:#4cc38a;--bad:#ff8787}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1060px;margin:0 auto;padding:36px 24px 64px}
h1{font-size:28px;line-height:1.2;margin:0;letter-spacing:-.01em}
h1 small{font-weight:400;color:var(--soft)}
h2{font-size:16px;margin:34px 0 8px}
.sub{color:var(--soft);margin:4px 0 0;font-size:13.5px}
.warn{border-left:3px solid var(--bad);padding:6px 12px;background:var(--card)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));gap:12px;margin:24px 0 18px}
.cards div,figure{background:var(--card);border:1px solid var(--line);border-radius:10px}
.cards div{padding:12px 16px;display:flex;flex-direction:column}
.cards div>span{color:var(--soft);font-size:13px}
.cards b{font-size:26px;line-height:1.3;font-weight:620;font-variant-numeric:tabular-nums}
.cards b span{font-size:21px;line-height:1.6}
.cards i{font-style:normal;font-size:15px;font-weight:400;color:var(--soft)}
.cards small{color:var(--soft);font-size:13px}
ul{padding-left:20px;margin:0 0 24px}
li{margin:3px 0}
figure{margin:0;padding:14px 16px 6px;display:flex;flex-direction:column;justify-content:space-between;
overflow-x:auto}
figcaption{display:flex;justify-content:space-between;gap:12px;flex-wrap:wrap;font-weight:600;margin-bottom:6px}
.keys{font-weight:400;font-size:13px;color:var(--soft)}
.keys{display:flex;flex-wrap:wrap;gap:2px 12px}
.key{white-space:nowrap}
.key::before{content:"";display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;
vertical-align:middle;background:currentColor}
.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,310px),1fr));gap:14px;margin-top:14px}
svg.wide{min-width:660px}
svg{display:block;width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",sans-serif}
.grid{stroke:var(--line)}
.axis{stroke:var(--soft);opacity:.6}
.tick,.label{fill:var(--soft)}
.curve{fill:none;stroke-width:2.2;stroke:currentColor;stroke-linejoin:round;stroke-linecap:round}
.dot{fill:currentColor;stroke:var(--card);stroke-width:1.5}
.mark{stroke:currentColor;stroke-width:1.4;stroke-dasharray:5 4}
.name{fill:currentColor;font-weight:600;paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.s0,.q0{color:var(--s0)}.s1,.q1{color:var(--s1)}.s2,.q2{color:var(--s2)}.q3{color:var(--s3)}
.key.s0,.key.q0{color:var(--s0)}
.wanted,.bad{color:var(--bad)}
.capacity,.good{color:var(--good)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{text-align:right;padding:4px 9px;border-bottom:1px solid var(--line)}
th{font-weight:400;color:var(--soft)}
td:first-child,th:first-child{padding-left:0}
td:first-child{font-weight:600}
"""
