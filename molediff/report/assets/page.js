"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const make = (tag, text, cls) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (cls) e.className = cls;
    return e;
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rows = [...document.querySelectorAll("#poses tbody tr")];
  const readable = (k) => data.poses[k].block !== null;
  const shown = { reference: true, hydrogens: false, cartoon: true, surface: false, contacts: true, labels: true, all: false };
  const number = (v, digits) => (v === null || v === undefined ? "n/a" : typeof v === "number" ? v.toFixed(digits) : String(v));
  let current = -1, viewer = null, receptor = null, ligand = null, reference = null, others = [], surface = null;

  // ---- three dimensions
  function start() {
    if (!window.$3Dmol) return;
    try {
      viewer = $3Dmol.createViewer($("stage"), { backgroundColor: colour("--stage"), antialias: true });
    } catch (error) { viewer = null; }
    if (!viewer) { $("stage").append(make("p", "This browser offers no WebGL: no view, but the table is whole.", "notice")); return; }
    receptor = viewer.addModel(data.receptor, "pdb", { keepH: true });
    if (data.reference) reference = viewer.addModel(data.reference, "sdf", { keepH: true });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { paint(); plot(); });
    new ResizeObserver(() => { viewer.resize(); }).observe($("stage"));
  }
  const polar = (atom, model) => atom.elem !== "H" || shown.hydrogens ||
    (atom.bonds || []).some((i) => { const o = model.selectedAtoms({ index: i })[0]; return o && ["N", "O", "S"].includes(o.elem); });
  function sticks(model, carbon, radius, opacity) {
    const keep = model.selectedAtoms({}).filter((a) => polar(a, model)).map((a) => a.index);
    const scheme = Object.assign({}, $3Dmol.elementColors.defaultColors, { C: carbon, H: dark() ? 0xd8dee6 : 0xc9ced6 });
    model.setStyle({}, {});
    model.setStyle({ index: keep }, { stick: { radius, singleBonds: true, opacity: opacity || 1, colorscheme: { prop: "elem", map: scheme } } });
  }
  const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
  const hex = (c) => parseInt(c.slice(1), 16);
  function paint() {
    if (!viewer) return;
    viewer.setBackgroundColor(colour("--stage"));
    viewer.removeAllShapes(); viewer.removeAllLabels();
    for (const m of others) viewer.removeModel(m);
    others = [];
    receptor.setStyle({}, {});
    if (shown.cartoon) receptor.setStyle({ hetflag: false }, { cartoon: { color: dark() ? "#6d86a6" : "#a9bbd2", opacity: 0.5, thickness: 0.25 } });
    receptor.setStyle({ hetflag: true, not: { elem: "H" } }, { stick: { radius: 0.1, singleBonds: true }, sphere: { scale: 0.18 } }, true);
    const focus = ligand || reference;
    const wall = near(focus);
    const scheme = Object.assign({}, $3Dmol.elementColors.defaultColors, { C: dark() ? 0x9fb0c4 : 0x7f8fa3, H: 0xc9ced6 });
    receptor.setStyle({ serial: wall }, { stick: { radius: 0.09, singleBonds: true, colorscheme: { prop: "elem", map: scheme } } }, true);
    if (reference) shown.reference ? sticks(reference, dark() ? 0xd9a441 : 0xc98a1b, 0.1, 0.85) : reference.setStyle({}, {});
    if (shown.all) data.poses.slice(0, 50).forEach((p, k) => {
      if (k === current || !readable(k)) return;
      const m = viewer.addModel(p.block, "sdf", { keepH: true });
      m.setStyle({}, {});
      m.setStyle({ not: { elem: "H" } }, { stick: { radius: 0.05, singleBonds: true, color: colour("--dot") } });
      others.push(m);
    });
    if (ligand) sticks(ligand, hex(dark() ? "#4fc7bd" : "#12968f"), 0.19);
    if (shown.contacts) drawContacts();
    if (shown.labels) labels();
    cover(wall);
    viewer.render();
  }
  // serial numbers of the atoms of the residues within 4.5 angstrom; non-polar hydrogens are not in the file
  function near(model) {
    if (!model) return [];
    const spots = model.selectedAtoms({ not: { elem: "H" } }), cut = 4.5 * 4.5, found = new Set(), out = [];
    const atoms = receptor.selectedAtoms({});
    const home = (a) => a.chain + "|" + a.resi + "|" + (a.icode || "");
    for (const a of atoms) for (const s of spots) {
      const dx = a.x - s.x, dy = a.y - s.y, dz = a.z - s.z;
      if (dx * dx + dy * dy + dz * dz < cut) { found.add(home(a)); break; }
    }
    for (const a of atoms) if (found.has(home(a))) out.push(a.serial);
    return out;
  }
  function cover(wall) {
    if (surface !== null) { viewer.removeAllSurfaces(); surface = null; }
    if (!shown.surface || !wall.length) return;
    surface = viewer.addSurface($3Dmol.SurfaceType.MS, { opacity: 0.72, color: dark() ? "#8698ae" : "#d5dde8" },
      { model: receptor, serial: wall }, { model: receptor });
  }
  const mine = (k) => (data.contacts || []).filter((c) => c.pose === k);
  function drawContacts() {
    for (const c of mine(current)) {
      if (!c.ends) continue;
      const [a, b] = c.ends;
      viewer.addCylinder({ start: { x: a[0], y: a[1], z: a[2] }, end: { x: b[0], y: b[1], z: b[2] }, radius: 0.055, dashed: true,
        dashLength: 0.22, gapLength: 0.16, fromCap: 1, toCap: 1, color: data.kinds[c.kind].colour });
    }
  }
  function labels() {
    const seen = new Set();
    for (const c of mine(current)) {
      if (!c.ends || seen.has(c.residue)) continue;
      seen.add(c.residue);
      const p = c.ends[1];
      viewer.addLabel(c.residue.replace(/^[^:]*:/, ""), { position: { x: p[0], y: p[1], z: p[2] }, fontSize: 12, inFront: true,
        fontColor: colour("--ink"), backgroundColor: colour("--card"), backgroundOpacity: 0.78, borderThickness: 0, alignment: "center" });
    }
  }

  // ---- which pose
  function select(k, look) {
    if (k < 0 || k >= data.poses.length || !readable(k)) return;
    const first = current < 0;
    current = k;
    if (viewer) {
      if (ligand) viewer.removeModel(ligand);
      ligand = viewer.addModel(data.poses[k].block, "sdf", { keepH: true });
      paint();
      if (first || look) { viewer.zoomTo({ model: ligand }); viewer.zoom(0.72); viewer.render(); }
    }
    rows.forEach((r) => r.setAttribute("aria-selected", String(Number(r.dataset.pose) === k)));
    describe(k); plot();
    document.querySelectorAll("#matrix [data-pose]").forEach((c) => c.classList.toggle("on", Number(c.dataset.pose) === k));
    const row = rows.find((r) => Number(r.dataset.pose) === k), box = row && row.closest(".scroll");
    if (box && !first) {
      const top = row.offsetTop - box.querySelector("thead").offsetHeight;
      if (top < box.scrollTop || row.offsetTop + row.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top;
    }
  }
  function step(by) {
    const order = [...document.querySelectorAll("#poses tbody tr")].map((r) => Number(r.dataset.pose)).filter(readable);
    if (order.length) select(order[(order.indexOf(current) + by + order.length) % order.length]);
  }
  function describe(k) {
    const p = data.poses[k];
    $("shown").textContent = p.name;
    const box = $("figures"); box.replaceChildren();
    for (const c of data.columns) {
      if (c.kind !== "number" || p.values[c.key] === null) continue;
      const d = make("div"), dd = make("dd", number(p.values[c.key], c.digits));
      if (c.unit) dd.append(" ", make("small", c.unit));
      d.title = c.about || c.label; d.append(make("dt", c.label), dd); box.append(d);
    }
    const v = $("verdict"); v.replaceChildren();
    if (p.checks) v.append(make("span", p.checks.failed.length ? `PoseBusters ${p.checks.passed} of ${p.checks.all}` : "PB-valid", "badge " + (p.checks.failed.length ? "bad" : "good")));
    const why = [p.reason, p.checks && p.checks.failed.length ? "Failed: " + p.checks.failed.join(", ") : ""].filter(Boolean).join(". ");
    $("why").textContent = why; $("why").hidden = !why;
    const held = $("contacts"); held.replaceChildren();
    if (!data.contacts) return;
    const found = mine(k);
    held.append(make("h2", found.length ? `Interactions (${found.length})` : "No interactions found"));
    const list = make("ul", undefined, "contacts");
    for (const c of found) {
      const li = make("li"), dot = make("span", undefined, "key");
      dot.style.background = data.kinds[c.kind].colour;
      li.append(dot, make("span", c.residue), make("span", data.kinds[c.kind].label), make("span", `${number(c.distance, 1)} \u00c5`));
      list.append(li);
    }
    held.append(list);
  }

  // ---- table
  rows.forEach((r) => {
    r.addEventListener("click", () => select(Number(r.dataset.pose)));
    r.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); select(Number(r.dataset.pose)); } });
  });
  document.querySelectorAll("#poses th").forEach((th, i) => {
    const sort = () => {
      const up = th.getAttribute("aria-sort") !== "ascending";
      document.querySelectorAll("#poses th").forEach((o) => o.setAttribute("aria-sort", "none"));
      th.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (r) => r.cells[i].dataset.v;
      const lost = (v) => v === undefined || v === "";
      rows.slice().sort((a, b) => {
        const x = value(a), y = value(b);
        if (lost(x) || lost(y)) return lost(x) - lost(y);
        const order = th.dataset.kind === "text" ? x.localeCompare(y) : Number(x) - Number(y);
        return up ? order : -order;
      }).forEach((r) => r.parentNode.append(r));
    };
    th.addEventListener("click", sort);
    th.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); sort(); } });
  });
  document.querySelectorAll("#matrix button[data-go]").forEach((b) => b.addEventListener("click", () => select(Number(b.dataset.go))));
  document.querySelectorAll(".toggles button").forEach((b) => {
    shown[b.dataset.show] = b.getAttribute("aria-pressed") === "true";
    b.addEventListener("click", () => {
      shown[b.dataset.show] = !shown[b.dataset.show];
      b.setAttribute("aria-pressed", String(shown[b.dataset.show]));
      paint();
    });
  });
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
  document.addEventListener("keydown", (e) => {
    if (["SELECT", "INPUT"].includes(e.target.tagName) || e.ctrlKey || e.metaKey || e.altKey) return;
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[e.key];
    if (by) { e.preventDefault(); step(by); }
  });

  // ---- plot
  const svg = (tag, attributes, text) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const axes = [{ key: "#", label: "place in the table", unit: "", digits: 0 },
    ...data.columns.filter((c) => c.kind === "number" && data.poses.some((p) => typeof p.values[c.key] === "number"))];
  function ticks(low, high) {
    const raw = (high - low) / 5 || 1, power = 10 ** Math.floor(Math.log10(raw));
    const size = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw);
    const out = [];
    for (let v = Math.ceil(low / size) * size; v <= high + 1e-9 * size; v += size) out.push(v);
    return [out, Math.max(0, -Math.floor(Math.log10(size) + 1e-9))];
  }
  function plot() {
    const box = $("plot");
    if (!box || axes.length < 2) { $("plot-card").hidden = true; return; }
    const [cx, cy] = [axes[$("plot-x").selectedIndex], axes[$("plot-y").selectedIndex]];
    const at = (c, k) => (c.key === "#" ? k + 1 : data.poses[k].values[c.key]);
    const points = data.poses.map((p, k) => ({ k, x: at(cx, k), y: at(cy, k), p })).filter((d) => typeof d.x === "number" && typeof d.y === "number");
    const W = 620, H = 360, L = 62, R = 18, T = 16, B = 48;
    const s = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${cy.label} against ${cx.label}` });
    const span = (key, c) => {
      let low = Math.min(...points.map((d) => d[key])), high = Math.max(...points.map((d) => d[key]));
      if (c.key === "rmsd") low = 0;
      const pad = (high - low || 1) * 0.07;
      return [c.key === "rmsd" ? 0 : low - pad, high + pad];
    };
    if (!points.length) { box.replaceChildren(make("p", "No pose has both figures.", "notice")); return; }
    const [x0, x1] = span("x", cx), [y0, y1] = span("y", cy);
    const X = (v) => L + (v - x0) / (x1 - x0) * (W - L - R), Y = (v) => H - B - (v - y0) / (y1 - y0) * (H - T - B);
    if (cx.key === "rmsd") s.append(svg("rect", { class: "hit", x: L, y: T, width: Math.max(0, Math.min(X(2), W - R) - L), height: H - T - B }));
    if (cy.key === "rmsd") { const top = Math.max(Y(2), T); s.append(svg("rect", { class: "hit", x: L, y: top, width: W - L - R, height: H - B - top })); }
    const [tx, dx] = ticks(x0, x1), [ty, dy] = ticks(y0, y1);
    for (const v of tx) s.append(svg("line", { class: "axis", x1: X(v), x2: X(v), y1: T, y2: H - B }), svg("text", { x: X(v), y: H - B + 17, "text-anchor": "middle" }, v.toFixed(dx)));
    for (const v of ty) s.append(svg("line", { class: "axis", x1: L, x2: W - R, y1: Y(v), y2: Y(v) }), svg("text", { x: L - 8, y: Y(v) + 4, "text-anchor": "end" }, v.toFixed(dy)));
    const name = (c) => c.label + (c.unit ? ` (${c.unit})` : "");
    s.append(svg("text", { class: "title", x: (L + W - R) / 2, y: H - 9, "text-anchor": "middle" }, name(cx)));
    s.append(svg("text", { class: "title", x: 15, y: (T + H - B) / 2, "text-anchor": "middle", transform: `rotate(-90 15 ${(T + H - B) / 2})` }, name(cy)));
    points.sort((a, b) => (a.k === current) - (b.k === current));
    for (const d of points) {
      const good = d.p.checks && !d.p.checks.failed.length;
      const c = svg("circle", { class: "dot" + (d.k === current ? " now" : ""), cx: X(d.x), cy: Y(d.y), r: d.k === current ? 8 : 6,
        fill: !d.p.checks ? colour("--accent") : good ? colour("--good") : colour("--bad"), "data-pose": d.k });
      c.append(svg("title", {}, `${d.p.name}: ${cx.label} ${number(d.x, cx.digits)}, ${cy.label} ${number(d.y, cy.digits)}${d.p.checks ? (good ? ", PB-valid" : ", not PB-valid") : ""}`));
      c.addEventListener("click", () => select(d.k));
      s.append(c);
    }
    box.replaceChildren(s);
  }
  for (const [id, preferred] of [["plot-x", ["rmsd", "#"]], ["plot-y", ["vina_score", "score", "vina_minimised", "clashes"]]]) {
    for (const c of axes) $(id).append(make("option", c.label));
    const found = preferred.map((key) => axes.findIndex((c) => c.key === key)).find((i) => i >= 0);
    $(id).selectedIndex = found === undefined ? Math.min(1, axes.length - 1) : found;
    $(id).addEventListener("change", plot);
  }
  start();
  const best = data.poses.findIndex((p) => p.block !== null);
  if (best >= 0) select(best); else { paint(); plot(); }
  window.molediff = { select, step, get current() { return current; }, get viewer() { return viewer; } };
})();
